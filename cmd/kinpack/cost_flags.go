package main

// This file owns the kinds of flags that cost has.

import (
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// byteSize is a number of bytes; KB and MB are of 1,024, as with AWS.
type byteSize int

func (b *byteSize) String() string { return strconv.Itoa(int(*b)) }

func (b *byteSize) Set(s string) error {
	number, factor := strings.ToUpper(strings.TrimSpace(s)), 1.
	for _, u := range []struct {
		name   string
		factor float64
	}{{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"KB", 1 << 10}, {"MB", 1 << 20}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	n *= factor
	if err != nil || !(n >= 0 && n <= 10<<20) || n != math.Trunc(n) {
		return errors.New("want a whole number of bytes, 0 to 10MB")
	}
	*b = byteSize(n)
	return nil
}

// retention is in hours.
type retention float64

func (r *retention) String() string {
	if *r > 24 && math.Mod(float64(*r), 24) == 0 {
		return strconv.Itoa(int(*r/24)) + "d"
	}
	return strconv.FormatFloat(float64(*r), 'f', -1, 64) + "h"
}

func (r *retention) Set(s string) error {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		*r = retention(24 * n)
		if err == nil && !math.IsNaN(n) {
			return nil
		}
	} else if d, err := time.ParseDuration(s); err == nil {
		*r = retention(d.Hours())
		return nil
	}
	return errors.New("want hours such as 24h, or days such as 7d")
}

// fileFlag is a flag that may be given with or without the name of a file.
type fileFlag struct {
	on   bool
	name string
}

func (f *fileFlag) String() string   { return f.name }
func (f *fileFlag) IsBoolFlag() bool { return true }

func (f *fileFlag) Set(s string) error {
	switch s {
	case "true":
		*f = fileFlag{on: true}
	case "false":
		*f = fileFlag{}
	default:
		*f = fileFlag{true, s}
	}
	return nil
}

// create opens the file, or says that there is none.
func (f *fileFlag) create() (*os.File, error) {
	if f.name == "" || f.name == "-" {
		return nil, nil
	}
	return os.Create(f.name)
}
