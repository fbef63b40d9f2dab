package server;

import static org.springframework.security.config.Customizer.withDefaults;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.core.annotation.Order;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.SpringSecurityCoreVersion;
import org.springframework.security.oauth2.server.authorization.oidc.authentication.OidcClientRegistrationAuthenticationProvider;
import org.springframework.security.oauth2.server.authorization.oidc.authentication.OidcClientRegistrationAuthenticationValidator;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.LoginUrlAuthenticationEntryPoint;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Spring Authorization Server with everything that it has. Its clients are in its configuration file. */
@SpringBootApplication
@RestController
public class Server {
    public static void main(String[] args) {
        SpringApplication.run(Server.class, args);
    }

    @Bean
    @Order(1)
    SecurityFilterChain authorizationServer(HttpSecurity http) throws Exception {
        http.oauth2AuthorizationServer(server -> {
            http.securityMatcher(server.getEndpointsMatcher());
            server.oidc(oidc -> oidc.clientRegistrationEndpoint(registration ->
                registration.authenticationProviders(providers -> providers.forEach(Server::allowScopes))));
            server.deviceAuthorizationEndpoint(withDefaults());
            server.deviceVerificationEndpoint(withDefaults());
            server.pushedAuthorizationRequestEndpoint(withDefaults());
        });
        http.authorizeHttpRequests(requests -> requests.anyRequest().authenticated());
        http.oauth2ResourceServer(resources -> resources.jwt(withDefaults()));
        http.exceptionHandling(errors ->
            errors.authenticationEntryPoint(new LoginUrlAuthenticationEntryPoint("/login")));
        return http.build();
    }

    @Bean
    @Order(2)
    SecurityFilterChain pages(HttpSecurity http) throws Exception {
        http.authorizeHttpRequests(requests -> requests.requestMatchers("/version").permitAll()
            .anyRequest().authenticated());
        http.formLogin(withDefaults());
        return http.build();
    }

    /** Lets a registration name its scopes, which Spring refuses by default. */
    static void allowScopes(AuthenticationProvider provider) {
        if (provider instanceof OidcClientRegistrationAuthenticationProvider registration) {
            registration.setAuthenticationValidator(
                OidcClientRegistrationAuthenticationValidator.DEFAULT_REDIRECT_URI_VALIDATOR
                    .andThen(OidcClientRegistrationAuthenticationValidator.SIMPLE_SCOPE_VALIDATOR));
        }
    }

    @GetMapping("/version")
    String version() {
        return SpringSecurityCoreVersion.getVersion();
    }
}
