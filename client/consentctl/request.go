package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// requestFlags are those of a check besides its positional arguments.
type requestFlags struct {
	categories  []string
	recipient   recipientFlags
	context     contextFlag
	consistency consistencyFlags
}

func (f *requestFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(
		&f.categories, "category", nil, "data category to be used, such as user.contact.email (repeat or separate by commas)",
	)
	f.recipient.add(cmd)
	addContextFlag(cmd, &f.context)
	f.consistency.add(cmd)
}

// request builds the check of three arguments: controller, subject, purpose.
func (f *requestFlags) request(cmd *cobra.Command, args []string) (*consentv1.CheckRequest, error) {
	request := client.NewCheck(args[0], args[1], args[2])
	request.DataCategories = f.categories
	var err, contextErr, consistencyErr error
	request.Recipient, err = f.recipient.proto()
	request.Context, contextErr = f.context.proto()
	request.Consistency, consistencyErr = f.consistency.proto(cmd)
	if err := errors.Join(err, contextErr, consistencyErr); err != nil {
		return nil, usageError(cmd, err)
	}
	return request, nil
}

// recipientFlags name who gets the data.
type recipientFlags struct {
	kind        enumFlag[consentv1.RecipientKind]
	id, country string
}

func (f *recipientFlags) add(cmd *cobra.Command) {
	f.kind.add(cmd, "recipient", "what the recipient of the data is")
	cmd.Flags().StringVar(&f.id, "recipient-id", "", "the recipient's id, as consents name it")
	cmd.Flags().StringVar(&f.country, "recipient-country", "", "the recipient's country, such as US")
}

func (f *recipientFlags) proto() (*consentv1.Recipient, error) {
	if f.kind.value == 0 {
		if f.id != "" || f.country != "" {
			return nil, errors.New("--recipient-id and --recipient-country need --recipient")
		}
		return nil, nil
	}
	return &consentv1.Recipient{Kind: f.kind.value, Id: f.id, Country: strings.ToUpper(f.country)}, nil
}

// consistencyFlags say how fresh the state must be.
type consistencyFlags struct {
	token string
	fully bool
}

func (f *consistencyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.token, "token", "", "use no state older than this consistency token's")
	cmd.Flags().BoolVar(&f.fully, "fully-consistent", false, "have the server read its store, past its cache")
	cmd.MarkFlagsMutuallyExclusive("token", "fully-consistent")
}

func (f *consistencyFlags) proto(cmd *cobra.Command) (*consentv1.Consistency, error) {
	switch {
	case f.fully:
		return client.FullyConsistent(), nil
	case f.token != "":
		return client.AtLeastAsFresh(f.token), nil
	case cmd.Flags().Changed("token"):
		// An unset variable in a script must not drop its demand silently.
		return nil, errors.New("--token is empty")
	default:
		return nil, nil
	}
}

func addContextFlag(cmd *cobra.Command, f *contextFlag) {
	cmd.Flags().Var(f, "context", "fact about the request: key=value (true, a number, other JSON, or text) or a JSON object (repeat)")
	completeFlag(cmd, "context", contextKeys)
}

// contextKeys are those that the shipped policies read, for completion only.
var contextKeys = completions{
	"anonymized=true", "items_published=true", "feedback=true", "public_source=true", "gpc=true", "dnt=true",
	"own_similar_product=true", "equivalent_measures=true", "links_identifiers=true", "recipient_certified=true",
	"role=processor", "for_purpose=", "customer_instructions=",
}

// requestContext reads the context and consistency of a command without the other flags of a check.
func requestContext(cmd *cobra.Command, c *contextFlag, f *consistencyFlags) (*structpb.Struct, *consentv1.Consistency, error) {
	facts, err := c.proto()
	if err != nil {
		return nil, nil, usageError(cmd, err)
	}
	consistency, err := f.proto(cmd)
	if err != nil {
		return nil, nil, usageError(cmd, err)
	}
	return facts, consistency, nil
}
