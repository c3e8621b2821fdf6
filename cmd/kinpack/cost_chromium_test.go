package main

import (
	"bytes"
	"context"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// chromium runs a headless Chromium on an address and returns what it prints.
func chromium(t *testing.T, address string, args ...string) (out, errOut string) {
	t.Helper()
	var browser string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no Chromium")
		}
		t.Skip("there is no Chromium")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr", "--user-data-dir=" + t.TempDir(),
	}, append(args, address)...)...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil {
		t.Fatalf("Chromium: %v\n%s", err, e.String())
	}
	return o.String(), e.String()
}

// The page is shown whole, by day and by night, and asks for nothing else.
func TestCostPageInChromium(t *testing.T) {
	code, page, errOut := kinpack(t, "", "cost", "--rate", "1000", "--size", "512", "--html")
	if code != 0 {
		t.Fatalf("exit code %d, %q", code, errOut)
	}
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Path)
		if r.URL.Path != "/page.html" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	}))
	defer server.Close()

	dom, console := chromium(t, server.URL+"/page.html", "--dump-dom")
	for _, want := range []string{"$47.74", "$11.76", "Packing saves $35.98 a month", "PUT payload units saved by packing"} {
		if !strings.Contains(dom, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if n := strings.Count(dom, "</svg>"); n != 5 {
		t.Errorf("%d charts", n)
	}
	for line := range strings.Lines(console) {
		if strings.Contains(line, "CONSOLE") || strings.Contains(line, "Refused") {
			t.Errorf("Chromium says %s", line)
		}
	}
	night, day := "0", "1"
	for _, scheme := range []string{night, day} {
		file := filepath.Join(t.TempDir(), "page.png")
		chromium(t, server.URL+"/page.html", "--screenshot="+file, "--window-size=900,3200", "--blink-settings=preferredColorScheme="+scheme)
		light, colours := look(t, file)
		if scheme == night && light > 0.3 || scheme == day && light < 0.7 {
			t.Errorf("colour scheme %s: mean lightness %.2f", scheme, light)
		}
		if colours < 50 {
			t.Errorf("colour scheme %s: only %d colours", scheme, colours)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, path := range asked {
		if path != "/page.html" && path != "/favicon.ico" {
			t.Errorf("the page asks for %s", path)
		}
	}
	if len(asked) < 3 {
		t.Errorf("asked only for %v", asked)
	}
}

// look returns a picture's mean lightness, 0 to 1, and how many colours it has.
func look(t *testing.T, file string) (light float64, colours int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	seen, sum, n := map[color.Gray16]bool{}, 0., 0
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y += 2 {
		for x := b.Min.X; x < b.Max.X; x += 2 {
			g := color.Gray16Model.Convert(picture.At(x, y)).(color.Gray16)
			seen[g] = true
			sum += float64(g.Y) / 0xffff
			n++
		}
	}
	return sum / float64(n), len(seen)
}
