package tree_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/consentd/consentd/server/policy/tree"
)

const goodGrants = `grants:
  - callers: ["key:mailer", "certificate:spiffe://prod.example/ns/mail/sa/*", "token:* https://idp.example"]
    actions: [check, explain]
    controllers: [example, "z-*"]
    purposes: [marketing_email, "ads_*"]
  - callers: ["key:operator"]
    actions: ["*", policy.*, admin, watch, read]
    controllers: ["*"]
    purposes: ["*"]
own: {teams: [a, b]}
`

func TestReadAccess(t *testing.T) {
	a, err := tree.ReadAccess("grants.yaml", []byte(goodGrants))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Grants) != 2 || a.Grants[0].Callers[2] != "token:* https://idp.example" || a.Grants[1].Actions[1] != "policy.*" {
		t.Errorf("read %+v", a.Grants)
	}
	grants, _ := a.Document()["grants"].([]any)
	if len(grants) != 2 || a.Document()["own"] == nil {
		t.Errorf("rules see %v", a.Document())
	}
}

// grantWith is a table whose one grant has a line instead of the good one of its key.
func grantWith(key, line string) string {
	lines := []string{
		`grants:`, `  - callers: ["key:mailer"]`, `    actions: [check]`, `    controllers: [example]`, `    purposes: [marketing_email]`,
	}
	for i, l := range lines {
		if strings.Contains(l, key+":") {
			lines[i] = line
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestFaultsOfAccess: each fault is named with its line and what to do.
func TestFaultsOfAccess(t *testing.T) {
	for name, row := range map[string]struct{ table, want string }{
		"nothing":         {"", "grants.yaml:1: the file is empty"},
		"a comment":       {"# none\n", "grants.yaml:1: the file is empty"},
		"a list":          {"- a\n", "grants.yaml:1: the file is no map"},
		"no YAML":         {"grants: [\n", "grants.yaml:"},
		"a misspelt key":  {"grant: []\n", "grants.yaml:1: unknown key grant: mend its name"},
		"no list":         {"grants: {}\n", "grants.yaml:1: grants: a map here: write a list"},
		"a misspelt part": {grantWith("callers", `  - caller: ["key:mailer"]`), "grants.yaml:2: unknown key caller"},
		"no callers":      {grantWith("callers", `  - callers: []`), "grants.yaml:2: grants[0]: callers: required"},
		"no purposes": {grantWith("purposes", ``),
			`grants.yaml:2: grants[0]: purposes: required: name at least one, [marketing_email], or ["*"]`},
		"null":            {grantWith("purposes", `    purposes: null`), "grants.yaml:5: purposes: null here: write a list"},
		"text for a list": {grantWith("actions", `    actions: check`), `grants.yaml:3: actions: "check" is text here: write a list`},
		"everybody": {grantWith("callers", `  - callers: ["*"]`),
			`grants.yaml:2: callers: "*" names no kind of caller: write certificate:ID`},
		"an unknown kind":    {grantWith("callers", `  - callers: ["user:x"]`), `"user:x" names no kind of caller`},
		"anonymous":          {grantWith("callers", `  - callers: ["anonymous:x"]`), `"anonymous:x" names no kind of caller`},
		"no id":              {grantWith("callers", `  - callers: ["key:"]`), `callers: is empty: name what is meant`},
		"a token, no issuer": {grantWith("callers", `  - callers: ["token:x"]`), `"token:x": name the issuer of a token`},
		"a key's issuer": {grantWith("callers", `  - callers: ["key:x https://idp.example"]`),
			`name the issuer of a token after one space, and of other kinds none`},
		"any issuer":  {grantWith("callers", `  - callers: ["token:x *"]`), `the issuer has a space or a star`},
		"two issuers": {grantWith("callers", `  - callers: ["token:x https://a https://b"]`), `the issuer has a space or a star`},
		"two stars":   {grantWith("callers", `  - callers: ["key:*x*"]`), `"*x*" has more than one star`},
		"an unknown action": {grantWith("actions", `    actions: [chekc]`),
			`grants.yaml:3: actions: "chekc" is no action: want one of check, explain,`},
		"no such actions": {grantWith("actions", `    actions: ["police.*"]`), `"police.*" is no action`},
		"white space":     {grantWith("controllers", `    controllers: ["example "]`), `"example " has white space around it`},
		"an empty name":   {grantWith("controllers", `    controllers: [""]`), `grants.yaml:4: controllers: is empty`},
		"no purpose": {grantWith("purposes", `    purposes: [Marketing]`),
			`grants.yaml:5: purposes: "Marketing" matches no purpose`},
		"a bare star": {grantWith("purposes", `    purposes: [*]`), "grants.yaml:"},
		"watch of one controller": {grantWith("actions", `    actions: [check, watch]`),
			`grants.yaml:2: grants[0]: actions: watch is on no one controller, and this grants nothing of it: give it a grant of its own`},
		"read for one purpose": {grantWith("actions", `    actions: [check, read]`),
			`read is for no one purpose, and this grants nothing of it`},
		"too many": {"grants:\n" + strings.Repeat(`  - {callers: ["key:x"], actions: [check], controllers: [a], purposes: [b]}
`, 10_001),
			"grants.yaml:2: grants: 10001 are more than 10000"},
		"a key twice":       {goodGrants + "own: {}\n", "grants.yaml:"},
		"a word for a bool": {"grants: []\nown: {a: yes}\n", "grants.yaml:2: a: yes is text"},
	} {
		_, err := tree.ReadAccess("grants.yaml", []byte(row.table))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", name, err, row.want)
		}
	}
}

// A set's table is checked as the operator's is, and stands in one file.
func TestTheTableOfAccessOfASet(t *testing.T) {
	rules := "package consentd.x\n"
	for name, row := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":           {nil, ""},
		"its own file":   {map[string]string{"access/data.yaml": goodGrants}, ""},
		"a bundle's":     {map[string]string{"data.json": `{"access": {"grants": []}}`}, ""},
		"a misspelt key": {map[string]string{"access/data.yaml": "grant: []\n"}, "access/data.yaml:1: unknown key grant"},
		"two files": {map[string]string{"access/data.yaml": "grants: []\n", "data.yaml": "access: {own: {}}\n"},
			"the table of access is in access/data.yaml"},
		"a file below":       {map[string]string{"access/x/data.yaml": "grants: []\n"}, "move this into access/data.yaml"},
		"no map":             {map[string]string{"data.yaml": "access: 1\n"}, "data.yaml:1: access: no map"},
		"a fault, not first": {map[string]string{"access/data.yaml": goodGrants + "x: 1\n"}, "access/data.yaml:11: unknown key x"},
	} {
		fsys := fstest.MapFS{"x.rego": &fstest.MapFile{Data: []byte(rules)}}
		for file, content := range row.files {
			fsys[file] = &fstest.MapFile{Data: []byte(content)}
		}
		read, err := tree.Read(fsys)
		switch {
		case row.want != "":
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s: got %v, want %q", name, err, row.want)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case (read.Access != nil) != (len(row.files) > 0):
			t.Errorf("%s: table %v", name, read.Access)
		}
	}
}
