// Tests of addresses: what is one, what is shown of it, and what references stand for.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteSources

@Suite("Web addresses")
struct WebAddressTests {
    @Test(
        "what is sent and what is shown",
        arguments: [
            ("http://example.com", "http://example.com/", "http://example.com/"),
            ("HTTPS://Example.COM:443/a/b?x=1#f", "https://example.com/a/b?x=1", "https://example.com/a/b"),
            ("http://example.com:80/", "http://example.com/", "http://example.com/"),
            ("http://example.com:8080?q", "http://example.com:8080/?q", "http://example.com:8080/"),
            ("http://u:p%40@h/x", "http://h/x", "http://h/x"),
            ("http://[::1]:81/x", "http://[::1]:81/x", "http://[::1]:81/x"),
            ("http://h/a b/ü\"", "http://h/a%20b/%C3%BC%22", "http://h/a%20b/%C3%BC%22"),
            ("http://h/a%20b%2Fc", "http://h/a%20b%2Fc", "http://h/a%20b%2Fc"),
            ("http://h?a=http://u:p@other/", "http://h/?a=http://u:p@other/", "http://h/"),
        ])
    func parts(text: String, sent: String, shown: String) throws {
        let address = try WebAddress(text)
        #expect(address.text == sent)
        #expect("\(address)" == shown)
    }

    @Test(
        "what is no address of the web is refused, and not repeated",
        arguments: [
            "", "http", "http:", "http:/h", "file:///etc/passwd", "ftp://h/", "httpx://h/", "http://",
            "http:///x",
            "http://h:0/", "http://h:65536/", "http://h:-1/", "http://h:1x/", "http://h:+1/", "http://a b/",
            "http://h\r\nX: y/", "http://h/\u{0}", "http://[::1/", "http://::1/", "http://[]/",
            "http://h%41/",
            "http://h\\@other/", "http://secret@", "http://ü/",
            "http://h/" + String(repeating: "a", count: 9_000),
        ])
    func refused(text: String) throws {
        let error = try #require(throws: AddressError.self) { try WebAddress(text) }
        #expect(!"\(error)".contains("secret"))
    }

    @Test("the user and the password of an address become a header for its origin alone")
    func userInformation() throws {
        let address = try WebAddress("http://Aladdin:open%20sesame@h:81/x")
        let credentials = FixedCredentials(for: address)
        let headers = credentials.headers(for: address.origin, until: .never)
        #expect(headers.map(\.value) == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="])
        #expect("\(headers)".contains("QWxh") == false)
        #expect(credentials.headers(for: try WebAddress("http://h:82/").origin, until: .never).isEmpty)
        #expect(credentials.headers(for: try WebAddress("https://h:81/").origin, until: .never).isEmpty)
        #expect(
            try WebAddress("http://a@h/").userInformation.map { FixedCredentials.basic($0.bytes).value }
                == "Basic YTo=")
        #expect(FixedCredentials.basic(Array("a:b".utf8)).value == "Basic YTpi")
        #expect(FixedCredentials.basic(Array("ab:cd".utf8)).value == "Basic YWI6Y2Q=")
    }

    /// Spec: RFC 3986, 5.4.
    @Test(
        "references are resolved as the specification has it",
        arguments: [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"), ("g#s", "http://a/b/c/g"), (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"), ("../../g", "http://a/g"), ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"), ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."),
            ("./../g", "http://a/b/g"), ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("https://b/x", "https://b/x"), ("HTTP://b/x", "http://b/x"),
        ])
    func references(reference: String, expected: String) throws {
        #expect(try WebAddress("http://a/b/c/d;p?q").resolving(reference).text == expected)
    }

    @Test(
        "references to what is not of the web are refused",
        arguments: ["file:///etc/passwd", "ftp://h/", "g:h", "javascript:x", "\\\\h", "//", "http:", "x\ny"])
    func badReferences(reference: String) throws {
        #expect(throws: AddressError.self) { try WebAddress("http://a/b").resolving(reference) }
    }

    @Test("a redirection is followed ten times, and secrets stay with the origin that they were given for")
    func redirections() throws {
        let start = try WebAddress("https://a/x")
        var way = Redirection(from: start)
        #expect(way.maySendSecrets)
        try way.follow("/y")
        #expect(way.maySendSecrets && way.address.text == "https://a/y")
        try way.follow("http://a:443/y")
        #expect(!way.maySendSecrets)
        try way.follow("https://a:8443/y")
        #expect(!way.maySendSecrets)
        try way.follow("https://a/z")
        #expect(way.maySendSecrets)
        for _ in 4..<10 { try way.follow("https://a/x") }
        #expect(throws: TransportError.self) { try way.follow("https://a/x") }
        var other = Redirection(from: start)
        #expect(throws: TransportError.self) { try other.follow("file:///etc/passwd") }
    }

    @Test("a header that would end its line is none", arguments: ["a\rb", "a\nb", "a\u{0}b", "a\r\n"])
    func headers(text: String) {
        #expect(throws: HTTPHeader.Malformed.self) { try HTTPHeader("X", text) }
        #expect(throws: HTTPHeader.Malformed.self) { try HTTPHeader(text, "x") }
    }

    @Test("names of headers are words", arguments: ["", "a b", "a:", "ü"])
    func headerNames(text: String) {
        #expect(throws: HTTPHeader.Malformed.self) { try HTTPHeader(text, "x") }
    }
}
