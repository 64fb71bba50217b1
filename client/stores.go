package client

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"

	"google.golang.org/grpc"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// storeID names the store that a server has.
type storeID [16]byte

// String is enough of it to tell stores apart.
func (id storeID) String() string { return hex.EncodeToString(id[:4]) }

// maxComparison bounds how long Dial waits for the servers of a list to tell their stores.
const maxComparison = DefaultTimeout

// compareStores asks each server of a list for its store and makes that the client's home. Those that do not tell in
// time, or cannot, are judged by what they answer later.
func (h *home) compareStores(hosts []string, options []grpc.DialOption) error {
	ctx, cancel := context.WithTimeout(context.Background(), maxComparison)
	defer cancel()
	told := make([]*storeID, len(hosts))
	var asked sync.WaitGroup
	for i, host := range hosts {
		asked.Go(func() { told[i] = storeBehind(ctx, host, options) })
	}
	asked.Wait()
	for i, id := range told {
		if id == nil {
			continue
		}
		if known := h.settle(*id); *known != *id {
			return &storeMismatch{fmt.Sprintf("%s has store %v, another one has store %v", hosts[i], *id, *known)}
		}
	}
	return nil
}

// storeBehind asks one server for its store; nil: it does not tell. The hello of a stream of invalidations is the one
// answer that names the store and needs neither a controller nor a subject.
func storeBehind(ctx context.Context, host string, options []grpc.DialOption) *storeID {
	target, resolvers := listed([]string{host})
	connection, err := grpc.NewClient(target, append([]grpc.DialOption{resolvers}, options...)...)
	if err != nil {
		return nil
	}
	defer connection.Close()
	stream, err := consentv1.NewDecisionServiceClient(connection).WatchInvalidations(ctx)
	if err != nil {
		return nil
	}
	_ = stream.Send(&consentv1.WatchInvalidationsRequest{CacheId: newCacheID()}) // Recv tells why it failed
	_ = stream.CloseSend()
	m, err := stream.Recv()
	if err != nil || m.GetChecksum() != m.Sum() || len(m.GetHello().GetStoreId()) != len(storeID{}) {
		return nil
	}
	id := storeID(m.GetHello().GetStoreId())
	return &id
}
