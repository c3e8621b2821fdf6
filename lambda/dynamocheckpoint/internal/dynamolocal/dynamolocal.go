// Package dynamolocal runs Amazon's DynamoDB Local for the tests.
package dynamolocal

// This file owns getting it and its process: Maven fetches it once into the
// user's cache directory, and no process is left when Close returns or the tests'
// own process ends.

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrUnavailable says that DynamoDB Local is not there and can't be fetched.
var ErrUnavailable = errors.New("DynamoDB Local is not available")

const (
	version = "2.6.1" // as in pom.xml
	plugin  = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
)

//go:embed pom.xml
var pom []byte

//go:embed Loopback.java
var launcher []byte

// Server is a running DynamoDB Local that keeps everything in memory.
type Server struct {
	Endpoint string // its URL
	dir      string // with the launcher
	java     *exec.Cmd
	output   chan struct{} // closed when all of its output is read
}

// Start fetches DynamoDB Local if need be, and starts it on a free port of the
// loopback interface. It needs a JDK and, to fetch it, Maven. ctx is for the start
// only. Close ends it.
func Start(ctx context.Context) (*Server, error) {
	if _, err := exec.LookPath("javac"); err != nil {
		return nil, fmt.Errorf("%w: it needs a JDK (Debian: default-jdk-headless): %w", ErrUnavailable, err)
	}
	jars, err := fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	dir, err := os.MkdirTemp("", "dynamolocal")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	if err := s.run(ctx, jars); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// fetch returns the directory with the jars and native libraries.
func fetch(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "kinpack")
	jars := filepath.Join(cache, "dynamodblocal-"+version)
	if _, err := os.Stat(jars); err == nil {
		return jars, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("fetching it needs Maven (Debian: maven): %w", err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cache, "fetch")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), pom, 0o644); err != nil {
		return "", err
	}
	lib := filepath.Join(work, "lib")
	get := exec.CommandContext(ctx, mvn, "-B", "-q", plugin+":copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+lib)
	get.Dir = work
	if out, err := get.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn: %w\n%s", err, out)
	}
	// Renamed when it is complete. Who comes second finds that of the first.
	if err := os.Rename(lib, jars); err != nil {
		if _, gone := os.Stat(jars); gone != nil {
			return "", err
		}
	}
	return jars, nil
}

// run starts the process and waits for its port.
func (s *Server) run(ctx context.Context, jars string) error {
	source := filepath.Join(s.dir, "Loopback.java")
	if err := os.WriteFile(source, launcher, 0o644); err != nil {
		return err
	}
	java := exec.Command("java", "-Xmx1g", "-cp", filepath.Join(jars, "*"), source)
	java.Dir = s.dir
	var problems bytes.Buffer // read when the process has ended
	java.Stderr = &problems
	if _, err := java.StdinPipe(); err != nil { // closed by the end of this process
		return err
	}
	out, err := java.StdoutPipe()
	if err != nil {
		return err
	}
	if err := java.Start(); err != nil {
		return err
	}
	s.java, s.output = java, make(chan struct{})
	port := make(chan string, 1)
	go func() {
		defer close(s.output)
		defer close(port)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if p, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
				port <- p
			}
		}
	}()
	select {
	case p, ok := <-port:
		if ok {
			s.Endpoint = "http://127.0.0.1:" + p
			return nil
		}
	case <-ctx.Done():
	}
	s.stop()
	return errors.Join(errors.New("DynamoDB Local has not started"), ctx.Err(), errors.New(problems.String()))
}

// stop ends the process and waits for its end.
func (s *Server) stop() {
	if s.java != nil {
		s.java.Process.Kill()
		<-s.output
		s.java.Wait()
		s.java = nil
	}
}

// Close ends the process and removes its files.
func (s *Server) Close() error {
	s.stop()
	return os.RemoveAll(s.dir)
}
