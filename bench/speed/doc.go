// Package speed holds the benchmarks of each layer, all of them in tests: what they
// measure, and how to run them, is in README.md.
package speed
