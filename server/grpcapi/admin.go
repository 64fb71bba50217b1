package grpcapi

import (
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// adminService answers AdminService.
type adminService struct {
	consentv1.UnimplementedAdminServiceServer
	usages    Usages
	policy    func() consent.Policy
	validator *validator
}
