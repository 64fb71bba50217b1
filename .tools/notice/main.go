// Notice lists the modules that the project's programs are built from, with their licences, and refuses those whose
// licence is not known to go with Apache-2.0.
//
//	go run ./notice .. > ../NOTICE
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// licences are told by words that no other of them has; the first that matches counts.
var licences = []struct{ name, words string }{
	{"Apache-2.0", "Apache License"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-3-Clause", "may not be used to endorse"},
	{"BSD-2-Clause", "Redistributions of source code must retain"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"ISC", "Permission to use, copy, modify, and/or distribute"},
	{"CC0-1.0", "CC0 1.0 Universal"},
	{"Unlicense", "free and unencumbered software"},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: notice DIR")
		os.Exit(2)
	}
	lines, err := modules(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "notice:", err)
		os.Exit(1)
	}
	fmt.Print(
		"consentd\n\nLicensed under the Apache License, Version 2.0; see LICENSE. " +
			"The server and consentctl are built from these modules:\n\n",
	)
	for _, line := range lines {
		fmt.Println(line)
	}
}

// modules returns a line for each module, sorted.
func modules(dir string) ([]string, error) {
	list := exec.Command("go", "list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}",
		"./server", "./client/consentctl")
	list.Dir, list.Stderr = dir, os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the modules: %w", err)
	}
	var lines []string
	for scanner := bufio.NewScanner(bytes.NewReader(out)); scanner.Scan(); {
		part := strings.Split(scanner.Text(), "\t")
		if len(part) != 3 {
			continue
		}
		licence, err := licenceOf(part[2])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part[0], err)
		}
		lines = append(lines, fmt.Sprintf("%-14s %s %s", licence, part[0], part[1]))
	}
	slices.Sort(lines)
	return slices.Compact(lines), nil
}

func licenceOf(dir string) (string, error) {
	for _, pattern := range []string{"LICEN[CS]E*", "License*", "COPYING*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range found {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // a folder of that name
			}
			for _, l := range licences {
				if strings.Contains(strings.Join(strings.Fields(string(text)), " "), l.words) {
					return l.name, nil
				}
			}
		}
	}
	return "", fmt.Errorf("no licence that is known in %s: read it, and add its words here if it goes with Apache-2.0", dir)
}
