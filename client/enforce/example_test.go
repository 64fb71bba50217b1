package enforce_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"google.golang.org/grpc"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/enforce"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// rules stands for a *client.Client: it allows what is listed.
type rules map[string]bool

func (r rules) Check(_ context.Context, check *consentv1.CheckRequest) (client.Decision, error) {
	return client.Decision{Allowed: r[check.GetSubjectId()+" "+check.GetPurpose()]}, nil
}

func ExampleEnforcer_HTTP() {
	e, err := enforce.New(enforce.Config{
		Checker: rules{"ada marketing_email": true}, Controller: "example",
		HTTPSubject: func(r *http.Request) (string, error) { return r.URL.Query().Get("user"), nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	send := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "sent") })
	mux := http.NewServeMux()
	mux.Handle("POST /newsletter", e.HTTP("marketing_email", send))

	for _, user := range []string{"ada", "bob", ""} {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/newsletter?user="+user, nil))
		fmt.Printf("%q: %d\n", user, answer.Code)
	}
	// Output:
	// "ada": 200
	// "bob": 403
	// "": 401
}

func ExampleEnforcer_Unary() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	e, err := enforce.New(enforce.Config{Checker: c, Controller: "example"})
	if err != nil {
		log.Fatal(err)
	}
	// Methods say in the proto file for which purpose they run: option (consent.v1.purpose).
	server := grpc.NewServer(grpc.UnaryInterceptor(e.Unary()), grpc.StreamInterceptor(e.Stream()))
	defer server.Stop()
}
