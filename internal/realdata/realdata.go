// Package realdata is real records to show and measure with: 1,707 earthquakes
// of 661 to 788 bytes, each with a partition key of its own (US Geological
// Survey), and 20,000 flights of 86 to 90 bytes under 220 keys, the airports they
// left from (US Bureau of Transportation Statistics, 2001). Both are in the
// public domain; they come from the npm package vega-datasets 3.2.1
// (BSD-3-Clause).
package realdata

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

var (
	//go:embed earthquakes.jsonl.gz
	earthquakes []byte
	//go:embed flights.jsonl.gz
	flights []byte
)

// Record is a partition key and a JSON value.
type Record struct {
	PartitionKey string          `json:"partitionKey"`
	Data         json.RawMessage `json:"data"`
}

// Load returns the 1,707 earthquakes, and the 20,000 flights by date.
func Load() (quakes, flown []Record, err error) {
	quakes, errQuakes := read(earthquakes)
	flown, errFlights := read(flights)
	return quakes, flown, errors.Join(errQuakes, errFlights)
}

func read(packed []byte) ([]Record, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("realdata: %w", err)
	}
	var all []Record
	d := json.NewDecoder(bufio.NewReader(z))
	for {
		var r Record
		if err := d.Decode(&r); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("realdata: record %d: %w", len(all), err)
		}
		all = append(all, r)
	}
}

// Mix returns n records of both kinds, evenly mixed, the same at every call;
// past the end of both they repeat.
func Mix(quakes, flown []Record, n int) []Record {
	total := len(quakes) + len(flown)
	all := make([]Record, 0, n)
	for i := range n {
		i %= total
		// The quakes before place i of the mix, and whether i is one more.
		before, upTo := i*len(quakes)/total, (i+1)*len(quakes)/total
		if upTo > before {
			all = append(all, quakes[before])
		} else {
			all = append(all, flown[i-before])
		}
	}
	return all
}
