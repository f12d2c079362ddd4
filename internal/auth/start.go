package auth

import "context"

// Step is what a sign-in form shows next.
type Step string

// The steps after an address was entered.
const (
	AskPassword   Step = "password"
	OfferSocial   Step = "social" // an account without a password
	CreateAccount Step = "create_account"
)

// Start tells how to go on with an address. That it tells whether there is an account is what the contract wants.
func (s *Service) Start(ctx context.Context, email string) (Step, error) {
	user, found, err := s.byEmail(ctx, email)
	switch {
	case err != nil:
		return "", err
	case !found:
		return CreateAccount, nil
	case user.PasswordHash == nil:
		return OfferSocial, nil
	}
	return AskPassword, nil
}
