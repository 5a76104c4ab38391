package routers

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/hallpass-go/hallpass"
)

// Echo serves the forge with echo. WrapMiddleware makes its middleware of Require, and sets the path values of the request.
//
// What Require refuses it has answered: the handler is not called, and the error handler of echo hears nothing of it.
func Echo(f *Forge) http.Handler {
	e := echo.New()
	e.GET("/health", echo.WrapHandler(http.HandlerFunc(health)))
	e.GET("/repositories/:workspace/:repository", func(c *echo.Context) error {
		token, _ := hallpass.FromContext(c.Request().Context())
		return c.String(http.StatusOK, c.Param("repository")+" shown to "+string(token.ID))
	}, echo.WrapMiddleware(f.Gate.Require(f.repository, hallpass.RepositoryRead)))
	e.POST("/repositories/:workspace/:repository/pipelines", func(c *echo.Context) error {
		token, _ := hallpass.FromContext(c.Request().Context())
		return c.String(http.StatusOK, c.Param("repository")+" run by "+string(token.ID))
	}, echo.WrapMiddleware(f.Gate.Require(f.repository, hallpass.PipelineWrite)))
	return e
}
