"""An OpenID Provider of django-oauth-toolkit with its own pages: server.py SETTINGS.

SETTINGS is a JSON file: the port, the private key that signs ID Tokens, and the clients.
Its database is a file in the working directory.
"""

import json
import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.core.servers.basehttp import WSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)

LOGIN = """<form method="post">{% csrf_token %}{{ form }}<button>Log in</button></form>"""

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "oauth2_provider",
    ],
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "loggers": {"django.request": {"handlers": ["console"]}},
    },
    LOGIN_URL="/login",
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    OAUTH2_PROVIDER={
        "ALLOWED_SCHEMES": ["http", "https"],
        "DCR_ENABLED": True,
        "DCR_REGISTRATION_PERMISSION_CLASSES": ("oauth2_provider.dcr.AllowAllDCRPermission",),
        "OAUTH_DEVICE_VERIFICATION_URI": f"http://127.0.0.1:{given['port']}/device/",
        "OAUTH_DEVICE_VERIFICATION_URI_COMPLETE": lambda code: (
            f"http://127.0.0.1:{given['port']}/device/?user_code={code}"
        ),
        "OIDC_ENABLED": True,
        "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": given["key"],
        "SCOPES": {"openid": "Log in", "email": "See the email address", "introspection": "Look at tokens"},
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="a-secret-of-the-tests",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": ["django.contrib.auth.context_processors.auth"],
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN}),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ],
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402: Django has to be set up first
from django.contrib.auth.views import LoginView  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider import __version__  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402

urlpatterns = [
    path("version", lambda request: HttpResponse(__version__)),
    path("login", LoginView.as_view()),
    path("", include("oauth2_provider.urls", namespace="oauth2_provider")),
]


def main():
    # The ID Tokens of a client that registers itself are signed too.
    Application._meta.get_field("algorithm").default = Application.RS256_ALGORITHM
    call_command("migrate", verbosity=0)
    alice = User.objects.create_user("alice", "alice@example.com", "alice-password")
    for client in given["clients"]:
        Application.objects.create(user=alice, **client)
    server = WSGIServer(("127.0.0.1", given["port"]), WSGIRequestHandler)
    server.set_app(get_wsgi_application())
    server.serve_forever()


main()
