package grpcapi

import consentv1 "github.com/consentd/consentd/proto/consent/v1"

// adminService answers AdminService.
type adminService struct {
	consentv1.UnimplementedAdminServiceServer
}
