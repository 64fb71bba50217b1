package decisionlog

import (
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/audit/line"
)

// keyring has the keys that subjects are named under, and follows their file.
type keyring struct {
	file   string
	logger *slog.Logger
	// current is nil where ids are plain. modified is when its file was, as one writer knows.
	current  atomic.Pointer[line.Keys]
	modified time.Time
}

// open reads the keys.
func (k *keyring) open(c Config) error {
	if k.file, k.logger = c.SubjectKey, c.Logger; k.file == "" {
		return nil
	}
	_, err := k.load()
	return err
}

func (k *keyring) load() (changed bool, err error) {
	info, err := os.Stat(k.file)
	if err != nil || info.ModTime().Equal(k.modified) {
		return false, err
	}
	keys, err := line.ReadKeys(k.file)
	k.modified = info.ModTime() // a file that is wrong is wrong until it changes
	if err != nil {
		return false, err
	}
	k.current.Store(&keys)
	return true, nil
}

// follow takes the file's keys if it changed. A file that cannot be used changes nothing: subjects stay named under the
// last good key, and are never plain.
func (k *keyring) follow() {
	if k.file == "" {
		return
	}
	switch changed, err := k.load(); {
	case errors.Is(err, os.ErrNotExist): // it may be being replaced
	case err != nil:
		k.logger.Error("the keys of the decision log cannot be read again: the last good ones stay in use", "error", err)
	case changed:
		k.logger.Info("keys of the decision log read again", "key", k.current.Load().Current().ID)
	}
}
