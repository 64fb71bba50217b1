package main

import (
	"fmt"
	"io"
	"regexp"
)

// width is what a line of a test should not pass, in columns.
const width = 132

// subtle are the places whose comments carry an argument.
var subtle = []struct {
	name  string
	files *regexp.Regexp
}{
	{"the engine's vm", regexp.MustCompile(`^server/policy/engine/(.*/)?vm[^/]*\.go$`)},
	{"pebble's monitor and guard", regexp.MustCompile(`^server/store/pebble/(monitor|guard)[^/]*\.go$`)},
	{"the prover's walk", regexp.MustCompile(`^server/policy/.*walk[^/]*\.go$`)},
	{"the client's near cache", regexp.MustCompile(`^client/nearcache[^/]*\.go$`)},
}

func report(w io.Writer, folders []*folder) {
	fmt.Fprint(w, "| measure | value |\n|---|---|\n")
	reportSizes(w, folders)
	reportNames(w, folders)
	reportComments(w, folders)
	reportPackages(w, folders)
}

func reportSizes(w io.Writer, folders []*folder) {
	var s sizes
	longest, over := 0, 0
	for _, f := range folders {
		s.add(f)
		l, o := widest(f, width)
		longest, over = max(longest, l), over+o
	}
	row(w, "files", "%d", len(s.files))
	row(w, "lines of a file: p50, p90, most", "%d, %d, %d", percentile(s.files, 50), percentile(s.files, 90), percentile(s.files, 100))
	row(w, "functions", "%d", len(s.functions))
	row(w, "lines of a function: p50, p90, p99", "%d, %d, %d",
		percentile(s.functions, 50), percentile(s.functions, 90), percentile(s.functions, 99))
	row(w, "parameters: p90, most", "%d, %d", percentile(s.parameters, 90), percentile(s.parameters, 100))
	row(w, "methods of an interface: p50, p90, most", "%d, %d, %d",
		percentile(s.interfaces, 50), percentile(s.interfaces, 90), percentile(s.interfaces, 100))
	row(w, "longest line of a test", "%d columns", longest)
	row(w, fmt.Sprintf("lines of tests over %d columns", width), "%d", over)
}

func reportNames(w io.Writer, folders []*folder) {
	functions, sharing, all, up := 0, 0, 0, 0
	for _, f := range folders {
		n, s := shared(f)
		functions, sharing = functions+n, sharing+s
		uses := usesOf(f)
		all, up = all+len(uses), up+upward(uses)
	}
	row(w, "unexported functions with the name of another of their package", "%d of %d", sharing, functions)
	row(w, "uses between files of a package that run upward", "%d of %d", up, all)
}

func reportComments(w io.Writer, folders []*folder) {
	var all share
	places := make([]share, len(subtle))
	for _, f := range folders {
		for _, file := range f.files {
			if file.test {
				continue
			}
			all.add(file)
			for i := range subtle {
				if subtle[i].files.MatchString(file.path) {
					places[i].add(file)
				}
			}
		}
	}
	row(w, "share of comments", "%.1f %%", all.percent())
	for i, p := range places {
		row(w, "share of comments: "+subtle[i].name, "%.1f %% of %d lines", p.percent(), p.lines)
	}
}

func reportPackages(w io.Writer, folders []*folder) {
	fmt.Fprint(w, "\n| package | lines | of tests | names shared | uses upward |\n|---|---|---|---|---|\n")
	total, totalTests := 0, 0
	for _, f := range folders {
		code, tests := 0, 0
		for _, file := range f.files {
			if file.test {
				tests += len(file.lines)
			} else {
				code += len(file.lines)
			}
		}
		n, s := shared(f)
		uses := usesOf(f)
		fmt.Fprintf(w, "| %s | %d | %d | %d of %d | %d of %d |\n", f.path, code, tests, s, n, upward(uses), len(uses))
		total, totalTests = total+code, totalTests+tests
	}
	fmt.Fprintf(w, "| all | %d | %d | | |\n", total, totalTests)
}

func row(w io.Writer, name, format string, values ...any) {
	fmt.Fprintf(w, "| %s | "+format+" |\n", append([]any{name}, values...)...)
}
