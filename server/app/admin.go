package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

// AdminConfig says where what is for operators of the machine is served: profiles, metrics, what was built.
type AdminConfig struct {
	// Addr is a loopback address, host:port, or unix:///path for a socket that only this user may open. Empty: it is
	// served nowhere.
	Addr string
}

// The bounds of the admin address.
const (
	adminConnections = 16
	// adminHeaders bounds how long a request may take to come: who may send one is on this machine.
	adminHeaders = 2 * time.Second
	// adminTimeout bounds a request beside the time that a profile takes, maxProfile that time.
	adminTimeout = 30 * time.Second
	maxProfile   = 5 * time.Minute
)

// Validate refuses an address that other machines can reach: profiles show what is in memory, and nobody is asked who
// they are.
func (c AdminConfig) Validate() error {
	if c.Addr == "" {
		return nil
	}
	if path, ok := socketPath(c.Addr); ok {
		if path == "" {
			return fmt.Errorf("admin-addr: %q names no path: give unix:///path", c.Addr)
		}
		return nil
	}
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("admin-addr: %q is no address: give 127.0.0.1:port or unix:///path", c.Addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("admin-addr: %q has no valid port: give 0 to 65535", c.Addr)
	}
	if !isLoopback(host) {
		return fmt.Errorf("admin-addr: %q can be reached from other machines: give 127.0.0.1:port or unix:///path, "+
			"and reach it from elsewhere through ssh or a port-forward", c.Addr)
	}
	return nil
}

// openAdmin binds the admin address, if there is one.
func (a *App) openAdmin() (err error) {
	if a.config.Admin.Addr == "" {
		return nil
	}
	if a.adminListener, err = listen("admin-addr", a.config.Admin.Addr); err != nil {
		return err
	}
	a.admin = &http.Server{
		Handler: ownHost(bounded(a.adminMux())), ReadHeaderTimeout: adminHeaders, ReadTimeout: adminTimeout, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(a.config.Logger.Handler(), slog.LevelWarn),
		// No WriteTimeout: it would cut profiles off. bounded has one for each request.
	}
	return nil
}

// adminMux names each page: importing pprof adds them to the default mux, which nothing here serves.
func (a *App) adminMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.Handle("GET /metrics", a.metricsHandler())
	mux.Handle("GET /nodez", a.nodez())
	mux.HandleFunc("GET /buildinfo", func(w http.ResponseWriter, _ *http.Request) {
		if info, ok := debug.ReadBuildInfo(); ok {
			_, _ = fmt.Fprint(w, info)
		}
	})
	return mux
}

// bounded ends requests whose client does not read the answer, and refuses profiles that take for ever.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seconds := 0.0
		if text := r.URL.Query().Get("seconds"); text != "" {
			var err error
			if seconds, err = strconv.ParseFloat(text, 64); err != nil || !(seconds >= 0 && seconds <= maxProfile.Seconds()) {
				http.Error(w, fmt.Sprintf("seconds: %q: give a number from 0 to %v", text, maxProfile.Seconds()), http.StatusBadRequest)
				return
			}
		}
		profile := time.Duration(max(seconds, 30) * float64(time.Second)) // pprof's own default is 30 s
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(profile + adminTimeout)); err != nil {
			http.Error(w, "this connection has no deadlines", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownHost refuses requests for other hosts than this one: a page in a browser on this machine can have any name resolve
// to 127.0.0.1.
func ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if local == nil || local.Network() == "tcp" && !isLoopback(strings.Trim(host, "[]")) {
			http.Error(w, "this address answers by its own name alone: ask for 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serveAdmin answers until stopAdmin. It is no part of serving: its end ends nothing.
func (a *App) serveAdmin() {
	if a.admin == nil {
		return
	}
	a.config.Logger.Info("admin address", "addr", dialAddr(a.adminListener))
	if err := a.admin.Serve(netutil.LimitListener(a.adminListener, adminConnections)); !errors.Is(err, http.ErrServerClosed) {
		a.config.Logger.Error("the admin address is not served any more", "error", err)
	}
}

// closeAdmin ends what is under way there, and waits for nobody: profiles take long.
func (a *App) closeAdmin() {
	if a.admin != nil {
		_ = a.admin.Close()
	}
	if a.adminListener != nil {
		_ = a.adminListener.Close()
	}
}

// AdminAddr is where the admin address listens, host:port or unix:///path; empty where there is none.
func (a *App) AdminAddr() string {
	if a.adminListener == nil {
		return ""
	}
	return dialAddr(a.adminListener)
}
