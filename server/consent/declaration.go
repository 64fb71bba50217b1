package consent

import (
	"strconv"
	"time"
)

// Controller is a controller as the active policies describe it.
type Controller struct {
	ID string
	// Name is for people.
	Name string
	// Purposes are those that it declares or prohibits, sorted by name.
	Purposes []Purpose
}

// Purpose is a purpose as a controller declares it.
type Purpose struct {
	Name string
	// Basis is the declared basis; zero where the purpose is prohibited. Another may be in effect for some subjects.
	Basis      Basis
	Prohibited bool
	// Clause is the section of the privacy policy behind it.
	Clause string
	// NoticeVersion is the current version of the notice, MaterialNoticeVersion the oldest
	// to which a consent still counts.
	NoticeVersion, MaterialNoticeVersion uint32
	// Categories are the keys of data that it is limited to, with all that is under them, for some kind of recipient or
	// for all; sorted. Empty: it names none.
	Categories []string
	// Degraded is what its checks come to while a subject's state cannot be read.
	Degraded Degraded
}

// Policy describes the active policies. It is immutable.
type Policy struct {
	// Revision is the digest of all files.
	Revision string
	// ActivatedAt is when this node activated them.
	ActivatedAt Instant
	// Files is sorted by path.
	Files []PolicyFile
	// Controllers is sorted by id.
	Controllers []Controller
}

// PolicyFile is one file of the active policies.
type PolicyFile struct {
	Path    string
	SHA256  string
	Content []byte
}

// PolicyFault is one reason why a set of policies is refused.
type PolicyFault struct {
	// File is the path below the policy directory; empty where no file is at fault.
	File string
	// Line counts from 1; 0 where no line is at fault.
	Line int
	// Message says what is wrong and what to do, in one line.
	Message string
}

// Place is file:line, as far as it is known.
func (f PolicyFault) Place() string {
	if f.File == "" || f.Line == 0 {
		return f.File
	}
	return f.File + ":" + strconv.Itoa(f.Line)
}

// String is the fault in one line.
func (f PolicyFault) String() string {
	if f.File == "" {
		return f.Message
	}
	return f.Place() + ": " + f.Message
}

// PolicyFinding is a fault that admission found, or a warning.
type PolicyFinding struct {
	PolicyFault
	// Counterexample shows the fault; nil where it needs none.
	Counterexample *Counterexample
}

// Counterexample is the plainest case that breaks an invariant of admission.
type Counterexample struct {
	// Invariant is the id of what is broken, Words what it says.
	Invariant, Words string
	// Controller and Purpose are those of the request.
	Controller, Purpose string
	// Case says in words who is asked about.
	Case string
	// Cases is how many cases of the purpose break the invariant.
	Cases int
	// Input is the policies' input as JSON.
	Input string
	// Before is, where two cases are compared, the input that is denied: what it lacks is the restricting event.
	Before string
	// Query is what to evaluate over the input.
	Query string
	// AllowedBy are the rules that gave ALLOW, as file:line.
	AllowedBy []string
	// Silent are conditions of rules that would have denied and did not: file:line and what did not hold.
	Silent []string
}

// PolicyReport is what admission found of a set of policies.
type PolicyReport struct {
	// Revision is the digest of the set; empty where it does not load.
	Revision string
	// Controllers is sorted by id.
	Controllers []EnumeratedController
	// Cases is how many cases were decided, in Enumeration.
	Cases       int
	Enumeration time.Duration
	// Tests are the set's own.
	Tests PolicyTests
	// Faults is empty if the set is admitted.
	Faults []PolicyFinding
	// Warnings do not keep a set out.
	Warnings []PolicyFinding
}

// EnumeratedController is what was enumerated of one controller.
type EnumeratedController struct {
	ID string
	// Purposes is how many it declares or prohibits; Proven how many of them were enumerated: of those that nothing tells
	// apart, one stands for all.
	Purposes, Proven int
	// Cases is how many cases were decided, Allowed how many of them ALLOW.
	Cases, Allowed int
}

// PolicyTests are how the own tests and cases of a set of policies went.
type PolicyTests struct {
	Passed, Failed, Skipped int
	Duration                time.Duration
}

// PolicyStatus tells where this node's policies come from and how the last attempt to load them went.
type PolicyStatus struct {
	// Source names where they come from, for people: a directory, a bundle, a URL without its password, the binary.
	Source string
	// LastGood is whether the active policies are the copy that the data directory keeps, because the source could not be
	// loaded when the server started.
	LastGood bool
	// AttemptedAt is when the source was last read, or asked whether anything changed; SucceededAt when that last ended
	// with the source's policies in force.
	AttemptedAt, SucceededAt Instant
	// RetryAt is when the policies of the last attempt are tried again, though their source has no others: it ran out
	// of time. Absent: they are not.
	RetryAt Instant
	// Failures counts the attempts that failed since then; asking again about what was refused is none.
	Failures int
	// Faults are why the last attempt failed; empty if it succeeded.
	Faults []PolicyFault
	// RefusedRevision is the digest of the policies that the last attempt refused; empty if it
	// succeeded, or if they could not be read.
	RefusedRevision string
	// Number is that of the activation that the active policies are, Newest that of the newest that this node has heard
	// of, where nodes share policies: another one means that this node is behind. Zero: there is none.
	Number, Newest uint64
	// Lost is whether the store has lost the activation that the active policies are, as an old backup that was
	// restored does: Number is then no number of its history.
	Lost bool
	// ProvenBy names the node whose proof of the active policies counts here; empty: this one proved them, or they came
	// with the server.
	ProvenBy string
}

// Behind reports whether the store has an activation of policies that this node does not decide by, or lost the one
// that it does decide by.
func (s PolicyStatus) Behind() bool { return s.Number != s.Newest || s.Lost }

// Candidate is a set of policies that is to be put in force.
type Candidate struct {
	Files []PolicyFile
	// Expected is the revision that must be in force; empty: whichever is.
	Expected string
	// By is who asks for it; zero: nobody was recognised.
	By Identity
}

// Activated is what activating a set of policies came to.
type Activated struct {
	// Revision is the digest of the activated set, Previous that of the one before.
	Revision, Previous string
	At                 Instant
	// Number is that of the activation, where nodes share policies; else zero.
	Number uint64
}

// PolicySpan is a span of time in which a set of policies was in force.
type PolicySpan struct {
	// Revision is the digest of the set.
	Revision string
	// From is when it was put in force, Until when another was; absent: it is in force.
	From, Until Instant
	// Source names where it came from, as in PolicyStatus.
	Source string
	// Controllers are the ids of those that it declares, sorted.
	Controllers []string
	// Kept is whether its files are.
	Kept bool
	// Number is that of its activation, By who asked for it and ProvenBy the node that proved it, where nodes share
	// policies; else they are zero.
	Number   uint64
	By       Identity
	ProvenBy string
}
