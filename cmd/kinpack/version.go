package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

const versionHelp = `kinpack version says which kinpack this is, and what it was built with.

Example:
  $ kinpack version
  kinpack v1.2.3 (4f2a91c, 2026-11-24T12:00:00Z), go1.26.8, linux/amd64
`

// version is set by the release script; else the build says what it knows.
var version string

func versionCommand() command {
	return command{"version", "say which kinpack this is", versionHelp,
		func(*flag.FlagSet) func(context.Context, streams) error {
			return func(_ context.Context, s streams) error {
				info, _ := debug.ReadBuildInfo()
				_, err := fmt.Fprintln(s.out, describe(version, info))
				return err
			}
		}}
}

// describe says what a build is. info may be nil.
func describe(version string, info *debug.BuildInfo) string {
	revision, when := "", ""
	if info != nil {
		if version == "" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value[:min(7, len(s.Value))]
			case "vcs.time":
				when = s.Value
			case "vcs.modified":
				if s.Value == "true" {
					when += ", changed since"
				}
			}
		}
	}
	if version == "" {
		version = "(devel)"
	}
	if revision != "" {
		version += fmt.Sprintf(" (%s, %s)", revision, when)
	}
	return fmt.Sprintf("kinpack %s, %s, %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
