// Shape measures a tree of Go, for comparison over time and with other projects, and prints Markdown:
//
//	go -C .tools run ./shape ..
//
// Generated files and hidden folders are left out; figures are of files that are no tests unless they say
// so. A line counts as a comment where it holds nothing else. A column is a character, and a tab is one.
// It measures and judges nothing.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: shape DIR")
		os.Exit(2)
	}
	packages, err := read(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
	if len(packages) == 0 {
		fmt.Fprintf(os.Stderr, "shape: %s holds no Go: name the root of a repository\n", os.Args[1])
		os.Exit(1)
	}
	report(os.Stdout, packages)
}
