package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/grpcapi"
)

// node is who this process is among the nodes of its store.
type node struct {
	id        [16]byte
	name      string
	startedAt consent.Instant
}

// newNode draws an id. The name is the machine's, where none is given.
func newNode(name string, now consent.Instant) node {
	n := node{name: name, startedAt: now}
	_, _ = rand.Read(n.id[:]) // it never fails
	if n.name == "" {
		n.name, _ = os.Hostname() // without one the node goes by its id
	}
	return n
}

// named is the name, or else the id.
func (n *node) named() string {
	if n.name == "" {
		return hex.EncodeToString(n.id[:])
	}
	return n.name
}

// self is what this node knows of itself, without the store: it may be away.
func (a *App) self() consent.Node {
	status := a.manager.Status()
	n := consent.Node{
		ID: hex.EncodeToString(a.node.id[:]), Name: a.node.name, Address: a.listensAt(), Asked: true, State: consent.NodeAlive,
		Applied: a.states.Applied(), PolicyRevision: a.policies.Current().Revision(), PolicyNumber: a.activation(),
		Version: a.config.Version, StartedAt: a.node.startedAt,
	}
	if len(status.Faults) > 0 {
		n.PolicyError = status.Faults[0].String()
	}
	return n
}

// listensAt is where gRPC listens; empty: nowhere yet.
func (a *App) listensAt() string {
	if addr := a.address.Load(); addr != nil {
		return *addr
	}
	return ""
}

// onlyNode lists the node of a store that nobody shares.
type onlyNode struct{ app *App }

// Nodes implements grpcapi.NodeLister.
func (o onlyNode) Nodes(context.Context) (consent.Nodes, error) {
	n := o.app.self()
	return consent.Nodes{Nodes: []consent.Node{n}, Head: n.Applied, PolicyNumber: o.app.manager.Status().Newest}, nil
}

// aboutNode is what a node says of itself to people, as JSON that other nodes of other versions read.
type aboutNode struct {
	Name           string    `json:"name,omitempty"`
	Address        string    `json:"address,omitempty"`
	Version        string    `json:"version,omitempty"`
	StartedAt      time.Time `json:"started_at,omitzero"`
	PolicyRevision string    `json:"policy_revision,omitempty"`
	PolicyError    string    `json:"policy_error,omitempty"`
}

// maxPolicyError bounds what a node says of why it is behind.
const maxPolicyError = 1024

// about is what this node says of itself, at most some 2 KiB.
func (a *App) about() []byte {
	n := a.self()
	text, _ := json.Marshal(aboutNode{ // of these types it never fails
		Name: n.Name, Address: n.Address, Version: n.Version, StartedAt: n.StartedAt.Time(), PolicyRevision: n.PolicyRevision,
		PolicyError: n.PolicyError[:min(len(n.PolicyError), maxPolicyError)],
	})
	return text
}

// describe adds what a node said of itself. What cannot be read says nothing: it is for people alone.
func describe(n *consent.Node, about []byte) {
	var said aboutNode
	if json.Unmarshal(about, &said) != nil {
		return
	}
	n.Name, n.Address, n.Version = said.Name, said.Address, said.Version
	n.PolicyRevision, n.PolicyError = said.PolicyRevision, said.PolicyError
	if !said.StartedAt.IsZero() {
		n.StartedAt = consent.InstantOf(said.StartedAt)
	}
}

// nodezTimeout bounds the store's answer to /nodez.
const nodezTimeout = 2 * time.Second

// nodesPage is /nodez.
type nodesPage struct {
	Nodes            []nodeRow `json:"nodes"`
	HeadRevision     uint64    `json:"head_revision"`
	NewestActivation uint64    `json:"newest_activation_number"`
	// Incomplete says why the node that was asked is the only one that is listed.
	Incomplete string `json:"incomplete,omitempty"`
}

// nodeRow is a node on /nodez.
type nodeRow struct {
	ID             string    `json:"node_id"`
	Name           string    `json:"name"`
	Address        string    `json:"address"`
	Asked          bool      `json:"asked"`
	State          string    `json:"state"`
	Applied        uint64    `json:"applied_revision"`
	Lag            uint64    `json:"lag"`
	LeaseLeft      float64   `json:"lease_left_seconds"`
	PolicyRevision string    `json:"policy_revision"`
	Activation     uint64    `json:"activation_number"`
	PolicyError    string    `json:"policy_error,omitempty"`
	Version        string    `json:"version"`
	StartedAt      time.Time `json:"started_at,omitzero"`
	RenewedAt      time.Time `json:"renewed_at,omitzero"`
}

var nodeStates = map[consent.NodeState]string{
	consent.NodeAlive: "ALIVE", consent.NodeSilent: "SILENT", consent.NodeLeft: "LEFT",
}

func rowOf(n *consent.Node) nodeRow {
	row := nodeRow{
		ID: n.ID, Name: n.Name, Address: n.Address, Asked: n.Asked, State: nodeStates[n.State], Applied: uint64(n.Applied), Lag: n.Lag,
		LeaseLeft: n.LeaseLeft.Seconds(), PolicyRevision: n.PolicyRevision, Activation: n.PolicyNumber, PolicyError: n.PolicyError,
		Version: n.Version,
	}
	if n.StartedAt != 0 {
		row.StartedAt = n.StartedAt.Time()
	}
	if n.RenewedAt != 0 {
		row.RenewedAt = n.RenewedAt.Time()
	}
	return row
}

// nodez serves /nodez: the nodes as this one sees them, or itself alone where the store cannot be asked.
func (a *App) nodez() http.Handler {
	return nodesHandler{lister: a.nodes, self: a.self, warn: func(err error) {
		a.config.Logger.Warn("the nodes of the store cannot be listed", "error", err)
	}}
}

type nodesHandler struct {
	lister grpcapi.NodeLister
	self   func() consent.Node
	warn   func(error)
}

// ServeHTTP implements http.Handler.
func (h nodesHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), nodezTimeout)
	defer cancel()
	page := nodesPage{Nodes: []nodeRow{}}
	found, err := h.lister.Nodes(ctx)
	if err != nil {
		h.warn(err)
		found = consent.Nodes{Nodes: []consent.Node{h.self()}}
		page.Incomplete = "the store cannot be asked for its nodes at the moment: the log says why"
	}
	page.HeadRevision, page.NewestActivation = uint64(found.Head), found.PolicyNumber
	for i := range found.Nodes {
		page.Nodes = append(page.Nodes, rowOf(&found.Nodes[i]))
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(page) // who asked has gone
}
