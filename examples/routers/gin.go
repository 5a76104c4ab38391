package routers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/hallpass-go/hallpass"
)

// GinMiddleware makes middleware for gin of what [bearer.Gate.Require] returns.
func GinMiddleware(require func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		for _, p := range c.Params {
			c.Request.SetPathValue(p.Key, p.Value)
		}
		passed := false
		require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			c.Request = r // its context has the token
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort() // gin calls the next handler unless it is told not to
		}
	}
}

// Gin serves the forge with gin. A handler has the token in the context of its request: hallpass.FromContext(c.Request.Context()). That of
// c itself has it only where the engine is set to ContextWithFallback.
func Gin(f *Forge) http.Handler {
	e := gin.New()
	e.GET("/health", gin.WrapF(health))
	e.GET("/repositories/:workspace/:repository", GinMiddleware(f.Gate.Require(f.repository, hallpass.RepositoryRead)), func(c *gin.Context) {
		token, _ := hallpass.FromContext(c.Request.Context())
		c.String(http.StatusOK, "%s shown to %s", c.Param("repository"), token.ID)
	})
	e.POST("/repositories/:workspace/:repository/pipelines", GinMiddleware(f.Gate.Require(f.repository, hallpass.PipelineWrite)), func(c *gin.Context) {
		token, _ := hallpass.FromContext(c.Request.Context())
		c.String(http.StatusOK, "%s run by %s", c.Param("repository"), token.ID)
	})
	return e
}
