package client

import (
	"errors"
	"net"
	"net/netip"
	"strings"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health" // lets a balancer ask for the servers' health
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

// address is where to connect and how.
type address struct {
	target string
	// hosts are those that a target lists; nil where it is one address or name.
	hosts []string
	// local says that nothing leaves this machine.
	local bool
	// lanes is how many streams carry checks; 0: none.
	lanes   int
	options []grpc.DialOption
}

// balancing takes the servers in turn that say they serve.
const balancing = `{"loadBalancingConfig": [{"round_robin": {}}],
	"healthCheckConfig": {"serviceName": "consent.v1.DecisionService"}}`

// namedLanes is how many streams share the servers behind one name, whose number is not known here.
const namedLanes = 4

// resolve makes an address of a target, and balances where it lists several.
func (o *options) resolve(target string) (address, error) {
	hosts := strings.Split(target, ",")
	a := address{target: target, local: true, lanes: 1}
	for _, host := range hosts {
		local, err := inspect(host)
		if err != nil || len(hosts) > 1 && strings.Contains(host, "/") {
			return a, errTarget
		}
		a.local = a.local && local
	}
	if len(hosts) > 1 {
		o.balanced = true
		a.list(hosts)
	} else if o.balanced {
		a.lanes = namedLanes
	}
	if o.balanced {
		a.options = append(a.options, grpc.WithDefaultServiceConfig(balancing))
	}
	if o.callwise {
		a.lanes = 0
	}
	return a, nil
}

// list makes gRPC connect to each of hosts.
func (a *address) list(hosts []string) {
	var resolvers grpc.DialOption
	a.target, resolvers = listed(hosts)
	a.hosts, a.lanes = hosts, len(hosts)
	a.options = append(a.options, resolvers)
}

// listed is a target that stands for hosts, and what resolves it. Each proves its own name by TLS.
func listed(hosts []string) (target string, resolvers grpc.DialOption) {
	state := resolver.State{}
	for _, host := range hosts {
		name, _, _ := net.SplitHostPort(host) // inspect has read it
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{
			Addresses: []resolver.Address{{Addr: host, ServerName: name}},
		})
	}
	list := manual.NewBuilderWithScheme("consentd")
	list.InitialState(state)
	return "consentd:///servers", grpc.WithResolvers(list)
}

var errTarget = errors.New("want host:port, host:port,host:port, dns:///host:port or unix:///path")

// inspect checks a target and says whether it stays on this machine. It errs on the side of "no": a scheme that it does
// not know is taken as remote.
func inspect(target string) (local bool, err error) {
	scheme, rest, _ := strings.Cut(target, ":")
	url := strings.HasPrefix(rest, "//")
	switch {
	case scheme == "unix" && url && !strings.HasPrefix(rest, "///"):
		return false, errTarget // gRPC would find out in the first call only
	case scheme == "unix" || scheme == "unix-abstract":
		return true, nil
	case scheme == "dns" && url:
		_, endpoint, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
		return inspectHostPort(endpoint)
	case strings.Contains(target, "://"):
		return false, nil
	default:
		return inspectHostPort(target)
	}
}

func inspectHostPort(endpoint string) (local bool, err error) {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil || host == "" || port == "" {
		return false, errTarget
	}
	if host == "localhost" {
		return true, nil
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback(), nil
}
