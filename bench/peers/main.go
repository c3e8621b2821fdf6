// Command peers runs kinpack and other readers and writers of aggregates on the same
// records; see README.md. The script run drives it.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

const usage = `usage:
  peers write DIR                    the loads, as files for all peers
  peers measure DIR SECONDS LOAD...  kinpack and generated protobuf; a line of JSON each
  peers table < RESULTS              the lines of all peers as a table
`

func main() {
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	if err := run(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "write":
		return writeLoads(args[1])
	case len(args) > 3 && args[0] == "measure":
		seconds, err := time.ParseDuration(args[2] + "s")
		if err != nil {
			return err
		}
		return measure(args[1], seconds, args[3:], os.Stdout)
	case len(args) == 1 && args[0] == "table":
		return table(os.Stdin, os.Stdout)
	}
	return fmt.Errorf("want one of the commands\n%s", usage)
}
