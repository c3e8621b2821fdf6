// Command kinpack packs, unpacks and shows what packing does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// command is one of kinpack's commands. setUp defines its flags and returns what
// runs it once they are parsed.
type command struct {
	name, summary, help string
	setUp               func(*flag.FlagSet) func(context.Context, streams) error
}

func commands() []command {
	return []command{
		demoCommand(), costCommand(), putCommand(), tailCommand(), inspectCommand(),
		encodeCommand(), decodeCommand(), redriveCommand(), versionCommand(),
	}
}

// errFailed ends a command with exit code 1 when it has said why already.
var errFailed = errors.New("failed")

// run runs a command line and returns the exit code: 0, 1 if the command failed, 2 if
// the command line is wrong, 130 if it was interrupted and did what it could.
func run(ctx context.Context, args []string, s streams) int {
	if len(args) == 0 {
		usage(s.err)
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(s.out)
		return 0
	case "-version", "--version":
		args[0] = "version"
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], s)
		}
	}
	fmt.Fprintf(s.err, "kinpack: unknown command %q; kinpack --help lists them\n", args[0])
	return 2
}

func (c command) run(ctx context.Context, args []string, s streams) int {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	do := c.setUp(flags)
	err := flags.Parse(withFiles(flags, args))
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(s.out, c.help)
		return 0
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(s.err, "kinpack %s: %v; see kinpack %s --help\n", c.name, err, c.name)
		return 2
	}
	err = do(ctx, s)
	if bad := (usageError{}); errors.As(err, &bad) {
		fmt.Fprintf(s.err, "kinpack %s: %v; see kinpack %s --help\n", c.name, err, c.name)
		return 2
	}
	if code := exitCode(0); errors.As(err, &code) {
		return int(code)
	}
	if err != nil {
		if !errors.Is(err, errFailed) {
			fmt.Fprintf(s.err, "kinpack %s: %v\n", c.name, err)
		}
		return 1
	}
	return 0
}

// withFiles ties the name of a file to the flag before it that may go without one.
func withFiles(flags *flag.FlagSet, args []string) []string {
	var tied []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if f := flags.Lookup(strings.TrimLeft(arg, "-")); f != nil && strings.HasPrefix(arg, "-") && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			if _, ok := f.Value.(*fileFlag); ok {
				i++
				arg += "=" + args[i]
			}
		}
		tied = append(tied, arg)
	}
	return tied
}

// usageError is a flag's value out of its range.
type usageError struct{ error }

func usage(w io.Writer) {
	fmt.Fprint(w, "kinpack packs user records into Kinesis records and takes them apart.\n\nUsage: kinpack COMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nkinpack COMMAND --help tells more, with an example.\n")
}
