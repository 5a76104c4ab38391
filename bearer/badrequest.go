package bearer

// BadRequest returns the error with which a loader or handler says that a request cannot be understood, such as a body that is no
// JSON. [StatusCode] has 400 for it, and [WriteError] sends the message as it is: say what is wrong and what is right, and nothing that is secret.
//
// A loader runs before anything is decided. It must find such a mistake in the request alone: one that depends on what the database has
// would tell a token that may do nothing there of it. BadRequest is safe for concurrent use.
func BadRequest(message string) error { return &badRequestError{message} }

type badRequestError struct{ message string }

func (e *badRequestError) Error() string { return "bearer: bad request: " + e.message }
