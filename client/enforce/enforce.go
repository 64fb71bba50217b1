// Package enforce lets a call through only where the caller's subject allows its purpose: middleware for net/http,
// where the purpose is declared beside the route, and interceptors for gRPC servers, where it is declared beside the
// method, as an option in the proto file:
//
//	mux.Handle("POST /newsletter", e.HTTP("marketing_email", sendNewsletter))
//
//	rpc SendNewsletter(SendNewsletterRequest) returns (SendNewsletterResponse) {
//	  option (consent.v1.purpose) = {name: "marketing_email", subject_field: "user_id"};
//	}
//
// Guarantees: what is wrapped runs only after an ALLOW. A denial, an error, a subject that cannot be told and, for
// gRPC, a method that declares nothing keep it from running. The decision that let it run is in its context (Decision),
// with the obligations to meet. Every outcome is counted by Config.Observe. A stream of gRPC is decided again for each
// message, and while none passes; see Enforcer.Stream.
package enforce

import (
	"context"
	"errors"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Config says what an Enforcer asks, and of whom.
type Config struct {
	// Checker decides; required. A *client.Client is one.
	Checker client.Checker
	// Controller is whose policy decides; required.
	Controller string
	// HTTPSubject tells the subject of a request, such as the user who is logged in; required for HTTP. An error keeps the
	// handler from running: the answer is 401.
	HTTPSubject func(*http.Request) (string, error)
	// GRPCSubject tells the subject of a call whose method names no field for it; nil: such methods are refused. An error
	// that is a gRPC status is the call's.
	GRPCSubject func(context.Context) (string, error)
	// Exempt are gRPC services that need declare nothing, by full name. gRPC's own, such as health, are exempt anyway.
	Exempt []string
	// StreamRecheck is how long a stream goes on by one decision while no message passes; zero means two seconds. Each is
	// a check, which the server logs. With a near cache it costs next to nothing, and may be much more often.
	StreamRecheck time.Duration
	// Observe is told of every outcome; nil means nobody. It must be quick and may be called concurrently.
	Observe func(Event)
}

const defaultStreamRecheck = 2 * time.Second

// Event is one call that was let through or not; a stream that was let through and is ended later is two.
type Event struct {
	// Where is the route's pattern or the gRPC method's full name.
	Where   string
	Purpose string
	Outcome Outcome
}

// Outcome is what became of a call.
type Outcome string

// The outcomes.
const (
	// Allowed let the call run.
	Allowed Outcome = "allowed"
	// Denied is the server's denial.
	Denied Outcome = "denied"
	// Failed is a check without an answer, or a subject that could not be told.
	Failed Outcome = "failed"
	// Undeclared is a gRPC method without a purpose, which was refused.
	Undeclared Outcome = "undeclared"
)

// Enforcer enforces purposes. It is immutable and safe for concurrent use.
type Enforcer struct {
	config Config
	exempt map[string]bool
	rules  rules
}

// New returns an Enforcer; the error names what c lacks.
func New(c Config) (*Enforcer, error) {
	var faults []error
	if c.Checker == nil {
		faults = append(faults, errors.New("enforce: Checker is required: give a *client.Client"))
	}
	if c.Controller == "" {
		faults = append(faults, errors.New("enforce: Controller is required: give the id that policies declare"))
	}
	if c.Observe == nil {
		c.Observe = func(Event) {}
	}
	if c.StreamRecheck <= 0 {
		c.StreamRecheck = defaultStreamRecheck
	}
	e := &Enforcer{config: c, exempt: map[string]bool{}}
	for _, service := range c.Exempt {
		e.exempt[service] = true
	}
	return e, errors.Join(faults...)
}

// use is one use of a subject's data that is to be allowed.
type use struct {
	where, purpose string
	subject        string
	categories     []string
}

// allow asks for a use. With an error it is not allowed; a denial is a *client.DeniedError.
func (e *Enforcer) allow(ctx context.Context, u use) (context.Context, error) {
	d, err := e.decide(ctx, u)
	if err != nil {
		return ctx, err
	}
	e.count(u, Allowed)
	return withDecision(ctx, func() client.Decision { return d }), nil
}

// decide asks for a use, and counts what is not allowed: that has an error.
func (e *Enforcer) decide(ctx context.Context, u use) (client.Decision, error) {
	request := client.NewCheck(e.config.Controller, u.subject, u.purpose)
	request.DataCategories = u.categories
	decision, err := e.config.Checker.Check(ctx, request)
	switch {
	case err != nil:
		e.count(u, Failed)
		return client.Decision{}, err
	case !decision.Allowed:
		e.count(u, Denied)
		return client.Decision{}, &client.DeniedError{Decision: decision}
	}
	return decision, nil
}

func (e *Enforcer) count(u use, o Outcome) {
	e.config.Observe(Event{Where: u.where, Purpose: u.purpose, Outcome: o})
}

type decisionKey struct{}

func withDecision(ctx context.Context, newest func() client.Decision) context.Context {
	return context.WithValue(ctx, decisionKey{}, newest)
}

// Decision is the decision that let the call run whose context this is, of a stream the newest; the zero one, which
// denies, if there was none.
func Decision(ctx context.Context) client.Decision {
	if newest, ok := ctx.Value(decisionKey{}).(func() client.Decision); ok {
		return newest()
	}
	return client.Decision{}
}

// Obligations are what the call must also do.
func Obligations(ctx context.Context) []*consentv1.Obligation { return Decision(ctx).Obligations }

// HTTP returns a handler that runs next only where the request's subject allows the purpose, for the data categories
// that next uses. Else it answers 403 with the reasons, 401 where the subject cannot be told, or 503 where there is no
// decision.
func (e *Enforcer) HTTP(purpose string, next http.Handler, categories ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := use{where: r.Pattern, purpose: purpose, categories: categories}
		var err error
		if u.subject, err = e.httpSubject(r); err != nil {
			e.count(u, Failed)
			http.Error(w, "who the data are about cannot be told", http.StatusUnauthorized)
			return
		}
		ctx, err := e.allow(r.Context(), u)
		if denied, ok := errors.AsType[*client.DeniedError](err); ok {
			http.Error(w, denied.Error(), http.StatusForbidden)
			return
		}
		if err != nil {
			http.Error(w, "consent cannot be checked at the moment", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

var errNoSubject = errors.New("no subject")

func (e *Enforcer) httpSubject(r *http.Request) (string, error) {
	if e.config.HTTPSubject == nil {
		return "", errNoSubject
	}
	subject, err := e.config.HTTPSubject(r)
	if err == nil && subject == "" {
		err = errNoSubject
	}
	return subject, err
}

// refusal is the status with which a gRPC call is refused. That there is no decision is not the caller's fault.
func refusal(err error) error {
	if denied, ok := errors.AsType[*client.DeniedError](err); ok {
		return denied
	}
	return status.Error(codes.Unavailable, "consent cannot be checked at the moment")
}
