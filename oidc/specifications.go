// The specifications that rules cite, by section: one short name for each.

package oidc

import "github.com/oidc-client/oidc-client/check"

func oauth(section string) check.Spec {
	return check.Spec{Doc: "RFC 6749", Section: section}
}

func rfc7519(section string) check.Spec {
	return check.Spec{Doc: "RFC 7519", Section: section}
}

func rfc7591(section string) check.Spec {
	return check.Spec{Doc: "RFC 7591", Section: section}
}

func rfc7662(section string) check.Spec {
	return check.Spec{Doc: "RFC 7662", Section: section}
}

func rfc8725(section string) check.Spec {
	return check.Spec{Doc: "RFC 8725", Section: section}
}

func rfc9126(section string) check.Spec {
	return check.Spec{Doc: "RFC 9126", Section: section}
}

func rfc9701(section string) check.Spec {
	return check.Spec{Doc: "RFC 9701", Section: section}
}

func rfc9728(section string) check.Spec {
	return check.Spec{Doc: "RFC 9728", Section: section}
}

func backChannelLogout(section string, item int) check.Spec {
	return check.Spec{Doc: "OpenID Connect Back-Channel Logout 1.0", Section: section, Item: item}
}

func ciba(section string) check.Spec {
	return check.Spec{Doc: "CIBA Core 1.0", Section: section}
}

func core(section string, item int) check.Spec {
	return check.Spec{Doc: "OpenID Connect Core 1.0", Section: section, Item: item}
}

func discovery(section string) check.Spec {
	return check.Spec{Doc: "OpenID Connect Discovery 1.0", Section: section}
}

func frontChannelLogout(section string) check.Spec {
	return check.Spec{Doc: "OpenID Connect Front-Channel Logout 1.0", Section: section}
}

func jarm(section string) check.Spec {
	return check.Spec{Doc: "JARM", Section: section}
}

func rfc9068(section string) check.Spec {
	return check.Spec{Doc: "RFC 9068", Section: section}
}
