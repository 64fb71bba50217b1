package app

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// The defaults of StoreConfig.
const (
	DefaultMaxStaleness     = 500 * time.Millisecond
	DefaultNodeLease        = 2 * time.Second
	DefaultStoreConnections = 16
)

// The bounds of StoreConfig.
const (
	minStaleness, maxStaleness = 100 * time.Millisecond, time.Minute
	minNodeLease, maxNodeLease = 500 * time.Millisecond, time.Minute
	maxStoreConnections        = 1000
	maxNodeName                = 128
)

// StoreConfig says where consent is kept, and how the nodes that share it agree. All nodes of a store have the same.
type StoreConfig struct {
	// URL is that of a PostgreSQL database, postgres://…; zero means the embedded store in Config.DataDir, which one
	// server has for itself, and to which nothing else here applies.
	URL string
	// ReadReplicas are URLs of replicas of the database, which may be late: they say how late. Zero means that the
	// primary answers all reads.
	ReadReplicas []string
	// MaxStaleness bounds how long after a node last knew itself to be caught up it answers from its cache, from 100 ms to
	// a minute. Zero means 500 ms.
	MaxStaleness time.Duration
	// Lease bounds how long a fenced write waits for a node that died, from 500 ms to a minute. Zero means 2 s.
	Lease time.Duration
	// Name is what this node is called where nodes are listed. Zero means the machine's name.
	Name string
	// Connections is how many connections the node has to the database at most, beside the one for hints. Zero means 16.
	Connections int
}

// shared says that other nodes may have the same store.
func (c StoreConfig) shared() bool { return c.URL != "" }

func (c StoreConfig) withDefaults() StoreConfig {
	c.MaxStaleness = cmp.Or(c.MaxStaleness, DefaultMaxStaleness)
	c.Lease = cmp.Or(c.Lease, DefaultNodeLease)
	c.Connections = cmp.Or(c.Connections, DefaultStoreConnections)
	if c.Name == "" {
		c.Name, _ = os.Hostname() // without one the node goes by its id
	}
	return c
}

// Validate returns all faults. None shows a URL, which may hold a password.
func (c StoreConfig) Validate() error {
	c = c.withDefaults()
	var faults []error
	if c.shared() {
		faults = append(faults, validateDatabase("store", c.URL))
	}
	for _, replica := range c.ReadReplicas {
		faults = append(faults, validateDatabase("read-replicas", replica))
	}
	if !c.shared() && len(c.ReadReplicas) > 0 {
		faults = append(faults, errors.New("read-replicas: the embedded store has none: set store to the URL of the primary too"))
	}
	if c.MaxStaleness < minStaleness || c.MaxStaleness > maxStaleness {
		faults = append(faults, fmt.Errorf("max-staleness: %v: give a duration from %v to %v",
			c.MaxStaleness, minStaleness, maxStaleness))
	}
	if c.Lease < minNodeLease || c.Lease > maxNodeLease {
		faults = append(faults, fmt.Errorf("node-lease: %v: give a duration from %v to %v", c.Lease, minNodeLease, maxNodeLease))
	}
	if c.Connections < 4 || c.Connections > maxStoreConnections {
		faults = append(faults, fmt.Errorf("store-connections: %d: give a number from 4 to %d", c.Connections, maxStoreConnections))
	}
	if len(c.Name) > maxNodeName || strings.ContainsFunc(c.Name, func(r rune) bool { return r < ' ' }) {
		faults = append(faults, fmt.Errorf("node-name: %q: give at most %d bytes without control characters", c.Name, maxNodeName))
	}
	return errors.Join(faults...)
}

func validateDatabase(field, text string) error {
	u, err := url.Parse(text)
	if err != nil || !slices.Contains([]string{"postgres", "postgresql"}, u.Scheme) {
		return fmt.Errorf("%s: it is no URL of a PostgreSQL database: give postgres://user@host:5432/database?sslmode=verify-full", field)
	}
	return nil
}
