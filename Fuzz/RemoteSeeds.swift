// What clouds and web servers say when all is well, and a little besides.
// SPDX-License-Identifier: Apache-2.0

enum RemoteSeeds {
    /// Bodies with NULs between them: Keystone's, then those of the image service.
    static let services: [[UInt8]] = [
        [token, list(next: true), list(next: false)], [token, image], [image, "<html><h1>401</h1>no</html>"],
        [token, "{\"images\": []}"], ["{\"error\": {\"code\": 401, \"message\": \"no\"}}", image],
    ].map { Array($0.joined(separator: "\0").utf8) }

    private static let token = """
        {"token": {"methods": ["password"], "issued_at": "2026-11-21T00:00:00.000000Z",
        "expires_at": "2026-11-21T01:00:00.000000Z", "catalog": [{"type": "image", "endpoints": [
        {"interface": "public", "region": "One", "region_id": "One", "url": "http://images.example/image/v2/"}]}]}}
        """

    private static let image = """
        {"id": "\(ServiceTarget.id)", "name": "a name", "status": "active", "size": 1024, "virtual_size": null,
        "container_format": "bare", "disk_format": "qcow2", "os_hash_algo": "sha512", "os_hash_value": "00ff",
        "created_at": "2026-11-21T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z", "os_hidden": false, "min_disk": 1,
        "hw_disk_bus": "scsi", "n\\u00e9\\ud83d\\ude00": [1.5e3, true, null, {"a": "b"}], "tags": ["t"]}
        """

    private static func list(next: Bool) -> String {
        let link = "\"next\": \"/v2/images?limit=200&marker=\(ServiceTarget.id)\", "
        return "{\(next ? link : "")\"images\": [\(image)]}"
    }

    /// Lists that follow each other, with NULs between them.
    static let catalogues: [[UInt8]] = {
        let second = image.replacingID(by: 2)
        let renamed = second.split(separator: "a name").joined(separator: "../.ova")
        return [
            [[image], [image, second], [second]], [[image, second], [], [renamed, image]],
            [[renamed], [image]],
        ].map { lists in
            Array(lists.map { "{\"images\": [\($0.joined(separator: ", "))]}" }.joined(separator: "\0").utf8)
        }
    }()

    static let settings: [[UInt8]] = [
        """
        clouds:
          lab: &lab
            auth: {auth_url: "http://keystone.example/v3", username: u, password: secret, project_name: p}
            region_name: One
            regions: [One, {name: Two, values: {interface: internal}}]
            interface: public
            verify: false
            cacert: /etc/ssl/ca.pem
          other:
            <<: *lab
            auth_type: v3applicationcredential
            auth:
              auth_url: http://keystone.example
              application_credential_id: i
              application_credential_secret: 'secret'
        """,
        """
        # one cloud
        clouds:
          "lab":
            profile: vexxhost
            auth_type: none
            image_endpoint_override: http://images.example:9292
            networks: |
              a
              b
        """,
        """
        {"clouds": {"lab": {"auth": {"auth_url": "http://k/v3", "token": "secret", "project_id": "1"},
        "auth_type": "v3token", "verify": true, "insecure": 0}}}
        """,
        "clouds: {lab: {auth: {password: secret}}}\n",
    ].map { Array($0.utf8) }

    static let records: [[UInt8]] = [
        """
        ovafs record of reads, version 1, blocks of 262144 bytes
        object 1 ff 0 abcdef 12
        0 0 4
        15 9 1
        16 1000000 524
        4000 5 1

        """, "ovafs record of reads, version 1, blocks of 262144 bytes\nobject 1 2 3 4 5\n",
    ].map { Array($0.utf8) }

    private static let body = String(repeating: "0123456789abcdef", count: 64)

    /// An answer with this head, whose lines end as HTTP's do.
    private static func answer(_ head: String, _ body: String = body) -> [UInt8] {
        Array((head.split(separator: "\n").joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    }

    static let answers: [[UInt8]] = [
        answer(
            """
            HTTP/1.1 206 Partial Content
            Content-Range: bytes 0-1023/1024
            Content-Length: 1024
            ETag: "abc"
            Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT
            """),
        answer("HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-1023/4096\nContent-Length: 1024"),
        answer("HTTP/1.1 200 OK\nContent-Length: 1024\nETag: W/\"abc\""), answer("HTTP/1.0 200 OK\nX: y"),
        answer(
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X",
            "400\r\n\(body)\r\n0\r\nX: y\r\n\r\n"),
        answer("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Encoding: gzip"),
        answer("HTTP/1.1 416 Range Not Satisfiable\nContent-Range: bytes */0\nContent-Length: 0", ""),
        answer("HTTP/1.1 302 Found\nLocation: file:///etc/passwd\nContent-Length: 0", ""),
        answer("HTTP/1.1 503 Busy\nRetry-After: Sat, 21 Nov 2026 10:00:00 GMT\nContent-Length: 0", ""),
        answer(
            "HTTP/1.1 206 Partial Content\nContent-Type: multipart/byteranges; boundary=x\nContent-Length: 1024"
        ),
    ]
}

extension String {
    /// The same with another id in place of the one that is looked for, which ends with `digit`.
    fileprivate func replacingID(by digit: Int) -> String {
        split(separator: ServiceTarget.id).joined(separator: ServiceTarget.id.dropLast() + "\(digit)")
    }
}
