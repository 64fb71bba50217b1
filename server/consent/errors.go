package consent

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Errors that cross packages. They are compared by errors.Is; grpcapi maps each to a status.
var (
	// ErrUnknownController is returned by policies and authz for a controller that no policy declares.
	ErrUnknownController = errors.New("unknown controller")
	// ErrEventConflict is returned by stores when an event's id was used with other content.
	ErrEventConflict = errors.New("event id was used with other content")
	// ErrErasureStands is returned by stores for an event that does not restrict while an erasure stands.
	ErrErasureStands = errors.New("an erasure stands: only what restricts is recorded")
	// ErrErasureStage is returned by stores for the cancelling of a completed erasure, and for the restarting of one
	// that is not.
	ErrErasureStage = errors.New("cancelled only before completion, restarted only after it")
	// ErrAnnulment is returned by stores for an annulment that names no event which can be annulled.
	ErrAnnulment = errors.New("no event that can be annulled")
	// ErrPersonTooLarge is returned by stores where a person would have more than MaxPersonIDs ids, or shared ids.
	ErrPersonTooLarge = errors.New(
		"a person has at most 64 ids and 64 shared ids: part one first, or declare shared what several people use")
	// ErrSharedTooWidely is returned by stores where a shared id would be linked to more than MaxPersonIDs ids.
	ErrSharedTooWidely = errors.New("a shared id is linked to at most 64 ids: part one first")
	// ErrLinkedAlready is returned by stores where an id that is not shared would be linked to two ids.
	ErrLinkedAlready = errors.New("the id is linked already: declare it shared, or part it first")
	// ErrBothShared is returned by stores where two shared ids would be linked.
	ErrBothShared = errors.New("two shared ids cannot be linked: link each to the people who share it")
	// ErrNotLinked is returned by stores for the parting of ids that are not linked.
	ErrNotLinked = errors.New("the ids are not linked: there is nothing to part")
	// ErrCompletionApart is returned by stores for the completion of an erasure in one batch with what may change
	// which ids are one person: it ends what was given under all ids of a person for good, and must know them.
	ErrCompletionApart = errors.New("an erasure is completed apart from what changes which ids are one person")
	// ErrBadToken is returned by authz for a consistency token that is malformed or of another store.
	ErrBadToken = errors.New("bad consistency token")
	// ErrHistoryLost is returned by authz for a consistency token of changes that the store does not have any more,
	// because a fail-over lost them, or an older copy was restored. The text is for callers.
	ErrHistoryLost = errors.New("the store lost history: what this token stands for was lost with it, by a fail-over or the " +
		"restoring of an older copy: drop the token, and record again what the store does not have")
	// ErrBadPageToken is returned by stores for a page token that is malformed or of another subject.
	ErrBadPageToken = errors.New("bad page token")
	// ErrUnfenced is returned by watch where a write is recorded, but some client's cache may answer from the older
	// state.
	ErrUnfenced = errors.New("recorded, but not fenced")
	// ErrWatchProtocol is returned by watch for a message that no cache of the protocol sends.
	ErrWatchProtocol = errors.New("the message breaks the protocol of invalidations")
	// ErrWatcherSlow is returned by watch to a cache that lags too far behind or holds up a fence for too long.
	ErrWatcherSlow = errors.New("the watcher is too slow")
	// ErrRightsChanged is returned by watch where callers may do other things than before, so that caches begin anew.
	ErrRightsChanged = errors.New("what callers may do has changed")
	// ErrWatchAnew is returned by watch where the store turned out to have another history than the one that was told,
	// so that caches begin anew.
	ErrWatchAnew = errors.New("the store has another history than before")
	// ErrTooManyWatchers is returned by watch where as many caches watch as it takes.
	ErrTooManyWatchers = errors.New("too many watchers")
	// ErrUnavailable is returned by stores and caches when the store cannot be read or written.
	ErrUnavailable = errors.New("store unavailable")
	// ErrNotLogged is returned by the decision log for a decision that must be on record and cannot be in time.
	ErrNotLogged = errors.New("the decision log takes no more at the moment")
	// ErrBusy is returned for a comparison of policies while another is under way.
	ErrBusy = errors.New("a comparison of policies is under way")
	// ErrBackupRuns is returned by stores for a checkpoint while there is another.
	ErrBackupRuns = errors.New("another backup is under way")
	// ErrUnauthenticated is returned for a call whose caller shows no credential that holds.
	ErrUnauthenticated = errors.New("no credential that holds")
	// ErrCredentialExpired is returned, beside ErrUnauthenticated, for a credential that held until it expired.
	ErrCredentialExpired = errors.New("the credential has expired")
	// ErrIssuerUnavailable is returned for a token that cannot be judged, because its issuer's keys are not to be had.
	ErrIssuerUnavailable = errors.New("the keys of tokens' issuer are not to be had")
	// ErrForbidden is returned for an act that the policies of access do not permit its caller.
	ErrForbidden = errors.New("the caller may not do this")
	// ErrOverloaded is returned for a call that is shed: the server, or its caller's share of it, is used up.
	ErrOverloaded = errors.New("overloaded")
	// ErrUnaudited is returned for an act that cannot be audited, and so is not answered.
	ErrUnaudited = errors.New("the audit of acts cannot be written")
	// ErrPolicyRevision is returned for an activation that expects another revision to be in force.
	ErrPolicyRevision = errors.New("another policy revision is in force")
)

// Violation is one fault of a request: the path of the field and what is wrong with it.
type Violation struct{ Field, Description string }

// InvalidError is returned by Validate functions: all faults found in a request.
type InvalidError struct{ Violations []Violation }

// Error lists all faults.
func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		parts[i] = v.Field + ": " + v.Description
	}
	return strings.Join(parts, "; ")
}

// EventError says which event of a batch an error is about.
type EventError struct {
	// Index is the event's position in the batch.
	Index int
	// ID is the event's id.
	ID  string
	Err error
}

func (e *EventError) Error() string { return "event " + e.ID + ": " + e.Err.Error() }

func (e *EventError) Unwrap() error { return e.Err }

// ForbiddenError is returned for what a caller may not do: an ErrForbidden that says who asked for what. Its text may
// leave; the caller wrote the names in it, so that they are shown quoted where they are no plain words, and shortened.
type ForbiddenError struct{ Caller, Action, Controller, Purpose string }

// Error names the action, and what it is on.
func (e *ForbiddenError) Error() string {
	text := e.Action
	switch {
	case e.Purpose != "":
		text += " of purpose " + shown(e.Purpose) + " of controller " + shown(e.Controller)
	case e.Controller != "":
		text += " of controller " + shown(e.Controller) + ", for no purpose in particular,"
	}
	return text + " is not permitted to " + shown(e.Caller) + ": no grant of the policies of access names it"
}

// Is matches ErrForbidden.
func (e *ForbiddenError) Is(target error) bool { return target == ErrForbidden }

// maxShown is how much of a name is shown.
const maxShown = 128

// shown is a name as an error may show it.
func shown(name string) string {
	short := name
	if len(name) > maxShown {
		short = name[:maxShown]
	}
	if quoted := strconv.Quote(short); len(short) < len(name) {
		return quoted + "…"
	} else if short == "" || quoted != `"`+short+`"` {
		return quoted
	}
	return short
}

// PolicySourceError is returned for an activation where the policies come from a configured source.
type PolicySourceError struct{ Source string }

func (e *PolicySourceError) Error() string { return "the policies come from " + e.Source }

// UnfinishedError is returned for policies whose admission ran out of time: nothing is known to be wrong with
// them, and they are worth another try.
type UnfinishedError struct{ Limit time.Duration }

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("the set's tests and cases did not end within %v, on a machine that may be busy", e.Limit)
}

// PolicyFaultsError is returned for policies that are refused: every fault found.
type PolicyFaultsError struct{ Faults []PolicyFault }

// Error lists all faults, one a line.
func (e *PolicyFaultsError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// BehindError is returned where nodes have not confirmed a change in time: an ErrUnfenced that names them.
type BehindError struct {
	// Nodes are their names, each with why where that is known, sorted.
	Nodes []string
}

// Error names the nodes, of many the first.
func (e *BehindError) Error() string {
	const most = 10
	text := "behind: " + strings.Join(e.Nodes[:min(len(e.Nodes), most)], ", ")
	if more := len(e.Nodes) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Is matches ErrUnfenced.
func (e *BehindError) Is(target error) bool { return target == ErrUnfenced }

// PolicyUnfencedError is returned for policies that are activated where that could not be waited for on all nodes and
// in all caches.
type PolicyUnfencedError struct {
	Activated Activated
	// Err is why: it wraps ErrUnfenced or is the context's.
	Err error
}

func (e *PolicyUnfencedError) Error() string {
	text := "the policies " + e.Activated.Revision + " are activated, but some node or client's cache may still decide by older ones"
	if behind, ok := errors.AsType[*BehindError](e.Err); ok {
		text += ": " + behind.Error()
	}
	return text
}

func (e *PolicyUnfencedError) Unwrap() error { return e.Err }

// PolicyNotKeptError is returned where an answer asks for policies of the past that are not kept, or not usable any
// more.
type PolicyNotKeptError struct {
	// Revision is that of the set; empty: it is not known.
	Revision string
	// At is the instant for which its policies were asked; absent: the revision was.
	At Instant
	// Why says why it is not there.
	Why string
}

func (e *PolicyNotKeptError) Error() string {
	text := "the policies"
	if e.Revision != "" {
		text += " " + e.Revision
	}
	if e.At != 0 {
		text += " that were in force on " + e.At.Time().Format("2 January 2006, 15:04:05 MST")
	}
	return text + " are not kept: " + e.Why
}
