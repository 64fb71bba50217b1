package app

import "google.golang.org/grpc"

// Services are those that the server has, by name.
func (a *App) Services() map[string]grpc.ServiceInfo { return a.grpc.GetServiceInfo() }
