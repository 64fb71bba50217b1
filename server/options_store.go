package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/consentd/consentd/server/app"
)

// storeSettings are those of a store that several nodes share.
func storeSettings() []setting {
	return []setting{
		{name: "store", usage: "PostgreSQL database that any number of nodes share, postgres://user@host/database; the password " +
			"better in CONSENTD_STORE or a passfile; default the embedded store in --data-dir",
			set: text(func(o *options) *string { return &o.config.Store.URL })},
		{name: "read-replicas",
			usage: "replicas of it that may answer reads, by their URLs, separated by commas; each says how late it is",
			set:   setReadReplicas},
		{name: "max-staleness", fallback: app.DefaultMaxStaleness.String(),
			usage: "how long after a node was last caught up with the database it answers from memory",
			set:   setDuration(func(o *options) *time.Duration { return &o.config.Store.MaxStaleness })},
		{name: "node-lease", fallback: app.DefaultNodeLease.String(),
			usage: "how long a fenced write waits for a node that died; the same on all nodes",
			set:   setDuration(func(o *options) *time.Duration { return &o.config.Store.Lease })},
		{name: "node-name", usage: "what this node is called where nodes are listed; default the machine's name",
			set: text(func(o *options) *string { return &o.config.Store.Name })},
		{name: "store-connections", fallback: strconv.Itoa(app.DefaultStoreConnections),
			usage: "connections to the database at most, beside the one for hints",
			set:   setStoreConnections},
	}
}

func setReadReplicas(o *options, value string) error {
	for replica := range strings.SplitSeq(value, ",") {
		if replica = strings.TrimSpace(replica); replica == "" {
			return errors.New("give URLs separated by commas")
		}
		o.config.Store.ReadReplicas = append(o.config.Store.ReadReplicas, replica)
	}
	return nil
}

func setStoreConnections(o *options, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return errors.New("give a number of connections, such as 16")
	}
	o.config.Store.Connections = n
	return nil
}
