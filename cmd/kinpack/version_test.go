package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	code, out, errOut := kinpack(t, "", "version")
	want := fmt.Sprintf(", %s, %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if code != 0 || errOut != "" || !strings.HasPrefix(out, "kinpack ") || !strings.HasSuffix(out, want) {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
}

func TestDescribe(t *testing.T) {
	build := func(version string, settings ...string) *debug.BuildInfo {
		info := &debug.BuildInfo{Main: debug.Module{Version: version}}
		for i := 0; i < len(settings); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
		}
		return info
	}
	for _, c := range []struct {
		name, version string
		info          *debug.BuildInfo
		want          string
	}{
		{"nothing is known", "", nil, "kinpack (devel), "},
		{"installed as a module", "", build("v1.2.3"), "kinpack v1.2.3, "},
		{"a release", "v1.2.3", build("(devel)", "vcs.revision", "4f2a91c0123", "vcs.time", "2026-11-24T12:00:00Z"), "kinpack v1.2.3 (4f2a91c, 2026-11-24T12:00:00Z), "},
		{"a changed tree", "", build("(devel)", "vcs.revision", "4f2a", "vcs.time", "T", "vcs.modified", "true"), "kinpack (devel) (4f2a, T, changed since), "},
	} {
		if got := describe(c.version, c.info); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
