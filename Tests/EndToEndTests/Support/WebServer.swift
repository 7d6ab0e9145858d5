// Debian's nginx on loopback, serving a folder of a test in several ways.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A web server of a test's own. `TestFolder` ends it where the test does not.
struct WebServer {
    let port: Int
    private let securePort: Int
    private let folder: String

    /// What `/private/` asks for, as users write it in an address.
    static let userAndPassword = "user:p4ssw0rd"
    /// What `/signed/` wants behind `?signature=`.
    static let signature = "s1gn4ture"
    /// What `/keyed/` wants in the header `X-Key`.
    static let key = "k3y-0f-th3-user"

    /// Starts one that serves `www` in the test's folder.
    ///
    /// - Throws: when no port is free or nginx does not start.
    init(in test: TestFolder) throws {
        folder = try test.makeFolder("nginx")
        try test.makeFolder("www")
        let root = test("www")
        try shell(
            #"printf 'user:%s\n' "$(openssl passwd -apr1 "$2")" > "$1/users""#, folder,
            String(Self.userAndPassword.split(separator: ":")[1]))
        try run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", folder + "/key.pem",
            "-out", folder + "/certificate.pem",
        ])
        var failure: CommandResult?
        for _ in 0..<10 {
            let port = Int.random(in: 20_000..<60_000)
            let securePort = port + 1
            try Self.configuration(port: port, securePort: securePort, folder: folder, root: root)
                .write(toFile: folder + "/nginx.conf", atomically: false, encoding: .utf8)
            let result = try attempt(["nginx", "-p", folder + "/", "-c", folder + "/nginx.conf"])
            if result.exitCode == 0 {
                self.port = port
                self.securePort = securePort
                return
            }
            failure = result
        }
        throw CommandFailure(result: try #require(failure))
    }

    func address(_ path: String) -> String { "http://127.0.0.1:\(port)/\(path)" }

    /// By TLS, with a certificate that no authority of the system has signed: `authority` has.
    func secureAddress(_ path: String) -> String { "https://localhost:\(securePort)/\(path)" }

    var authority: String { folder + "/certificate.pem" }

    /// Ends it; its files stay.
    func stop() throws {
        try shell(
            #"kill "$(cat "$1/nginx.pid")"; for i in $(seq 500); do [ -e "$1/nginx.pid" ] || exit 0; sleep 0.02; done; exit 1"#,
            folder)
    }

    /// Ends it where it runs.
    func end() {
        _ = try? stop()
    }

    /// Starts it again, on the same port.
    func start() throws {
        try run(["nginx", "-p", folder + "/", "-c", folder + "/nginx.conf"])
    }

    /// The requests so far: a line each, with status, bytes, range and authorization.
    func requests() throws -> [String] {
        let text = (try? String(contentsOfFile: folder + "/access.log", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    private static func configuration(
        port: Int, securePort: Int, folder: String, root: String
    ) -> String {
        """
        daemon on;
        master_process off;
        pid \(folder)/nginx.pid;
        error_log \(folder)/error.log;
        events {}
        http {
            log_format test '$request_uri $status $body_bytes_sent "$http_range" "$http_authorization" "$http_x_key"';
            access_log \(folder)/access.log test;
            client_body_temp_path \(folder)/body;
            proxy_temp_path \(folder)/proxy;
            fastcgi_temp_path \(folder)/fastcgi;
            uwsgi_temp_path \(folder)/uwsgi;
            scgi_temp_path \(folder)/scgi;
            server {
                listen 127.0.0.1:\(port);
                root \(root);
                location /whole/ { alias \(root)/; max_ranges 0; }
                location /paced/ { alias \(root)/; limit_rate 4m; }
                location /unversioned/ {
                    alias \(root)/;
                    etag off;
                    if_modified_since off;
                    add_header Last-Modified "";
                }
                location /slow/ { alias \(root)/; limit_rate 512k; }
                location /slower/ { alias \(root)/; limit_rate 256k; }
                location /private/ {
                    alias \(root)/;
                    auth_basic "test";
                    auth_basic_user_file \(folder)/users;
                }
                location /signed/ {
                    if ($arg_signature != "\(signature)") { return 403; }
                    alias \(root)/;
                }
                location /keyed/ {
                    if ($http_x_key != "\(key)") { return 403; }
                    alias \(root)/;
                }
                location /moved/ { rewrite ^/moved/(.*)$ http://127.0.0.1:\(port)/$1 redirect; }
                location /away/ { rewrite ^/away/(.*)$ http://localhost:\(port)/$1 redirect; }
                location /loop/ { return 302 /loop/; }
                location /login/ { default_type text/html; return 200 "<html>log in</html>"; }
            }
            server {
                listen 127.0.0.1:\(securePort) ssl http2;
                ssl_certificate \(folder)/certificate.pem;
                ssl_certificate_key \(folder)/key.pem;
                root \(root);
                location /down/ { rewrite ^/down/(.*)$ http://127.0.0.1:\(port)/$1 redirect; }
            }
        }
        """
    }
}
