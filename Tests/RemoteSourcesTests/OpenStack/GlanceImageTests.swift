// Tests of what the service says of an image.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteSources

@Suite("An image of the service")
struct GlanceImageTests {
    private static func image(_ members: String) throws -> GlanceImage {
        try GlanceImage(try JSONParser.parse(Array(FakeCloud.image(1, members).utf8)))
    }

    @Test("all that Glance says is there, and what it does not know as a member is a property")
    func members() throws {
        let image = try Self.image(
            """
            "name": "disk", "status": "active", "container_format": "bare", "disk_format": "vmdk", "size": 7,
            "virtual_size": 67108864, "checksum": "x", "os_hash_algo": "sha512", "os_hash_value": "ab", "os_hidden": false,
            "created_at": "2026-11-21T09:00:00Z", "visibility": "shared", "owner": "o", "min_disk": 1, "min_ram": 64,
            "protected": false, "tags": [], "file": "/v2/x", "self": "/v2/y", "schema": "/v2/schemas/image", "stores": "fs",
            "vmware_adaptertype": "lsiLogic", "hw_disk_bus": "scsi", "number": 5, "flag": true, "none": null, "list": [1]
            """)
        #expect(image.name == "disk" && image.containerFormat == "bare" && image.diskFormat == "vmdk")
        #expect(image.byteCount == 7 && image.virtualByteCount == 67_108_864)
        #expect(image.leastDiskSize == 1 && image.leastMemorySize == 64)
        #expect(image.createdAt.map { created in image.updatedAt.map { created < $0 } } == true)
        #expect(image.properties.map(\.name) == ["flag", "hw_disk_bus", "number", "vmware_adaptertype"])
        #expect(image.property("vmware_adaptertype") == "lsiLogic")
        #expect(image.property("number") == "5")
        #expect(image.property("file") == nil)
        #expect(image.shownName == "image disk (\(FakeCloud.id(1)))")
    }

    @Test(
        "each state without data has its own sentence",
        arguments: [
            ("\"status\": \"queued\", \"size\": null", "is queued: no data"),
            ("\"status\": \"saving\"", "is being uploaded (saving)"),
            ("\"status\": \"importing\"", "is being uploaded (importing)"),
            ("\"status\": \"uploading\"", "is being uploaded (uploading)"),
            ("\"status\": \"deactivated\", \"size\": 5", "is deactivated: an administrator"),
            ("\"status\": \"deleted\"", "was deleted"), ("\"status\": \"pending_delete\"", "was deleted"),
            ("\"status\": \"killed\"", "is killed"),
            ("\"status\": \"active\", \"size\": 0", "is empty: it has 0 bytes"),
            ("\"status\": \"new\\u001bword\"", "has the status new word"),
        ])
    func sentences(_ members: String, words: String) throws {
        let image = try Self.image("\"name\": \"x\", \(members)")
        let reason = try #require(image.unusableReason)
        #expect(reason.contains(words))
        #expect(reason.contains(FakeCloud.id(1)))
        #expect(openStackError { try image.requireData() }?.kind == .unusable)
    }

    @Test("an active image has data, also where its size is not known")
    func usable() throws {
        #expect(try Self.image("\"status\": \"active\", \"size\": 5").unusableReason == nil)
        #expect(try Self.image("\"status\": \"active\", \"size\": null").unusableReason == nil)
        #expect(try Self.image("\"status\": \"active\", \"size\": null").version == nil)
        #expect(try Self.image("\"status\": \"queued\", \"size\": 5").version == nil)
    }

    @Test("answers to a request for the data are explained")
    func answers() throws {
        let image = try Self.image("\"status\": \"active\", \"size\": 5")
        let explained = [204, 403, 404, 410].compactMap { image.meaning(ofDataAnswer: $0) }
        #expect(Set(explained).count == 3)
        // These say that there are no ranges, and those that another attempt may do.
        #expect([400, 416, 429, 500, 503].allSatisfy { image.meaning(ofDataAnswer: $0) == nil })
        #expect(image.meaning(ofDataAnswer: 204)?.contains("204 No Content") == true)
        #expect(image.meaning(ofDataAnswer: 206) == nil)
    }

    @Test("size and digest change the version; the time of the last change only where there is no digest")
    func version() throws {
        let base = try Self.image("\"status\": \"active\", \"size\": 5, \"os_hash_value\": \"a\"").version
        #expect(base != nil)
        #expect(
            try Self.image("\"status\": \"active\", \"size\": 6, \"os_hash_value\": \"a\"").version != base)
        #expect(
            try Self.image("\"status\": \"active\", \"size\": 5, \"os_hash_value\": \"b\"").version != base)
        let later = "\"updated_at\": \"2026-11-21T10:00:01Z\""
        // A property that was added is no reason to end all mounts.
        #expect(
            try Self.image("\"status\": \"active\", \"size\": 5, \"os_hash_value\": \"a\", \(later)").version
                == base)
        let undigested = try Self.image("\"status\": \"active\", \"size\": 5").version
        #expect(try Self.image("\"status\": \"active\", \"size\": 5, \(later)").version != undigested)
    }

    @Test("data is compared with a digest of a kind that is known, the MD5 where there is no other")
    func digests() throws {
        for (members, expected) in [
            (#""os_hash_algo": "sha512", "os_hash_value": "aa", "checksum": "cc""#, "sha512 aa"),
            (#""os_hash_algo": "blake2b", "os_hash_value": "aa", "checksum": "cc""#, "md5 cc"),
            (#""os_hash_algo": "blake2b", "os_hash_value": "aa""#, "blake2b aa"),
            (#""os_hash_algo": "sha512", "os_hash_value": "", "checksum": "cc""#, "md5 cc"),
            (#""checksum": "cc""#, "md5 cc"),
        ] {
            let digest = try Self.image("\"status\": \"active\", \"size\": 5, " + members).comparableDigest
            let shown = digest.map { "\($0.algorithm) \($0.digits)" }
            #expect(shown == expected, "\(members)")
        }
    }

    @Test(
        "the name of the file says what the service says of the data",
        arguments: [
            ("x", "bare", "qcow2", "x.qcow2"), ("x.QCOW2", "bare", "qcow2", "x.QCOW2"),
            ("x.vmdk", "bare", "raw", "x.vmdk.raw"), ("x.img", "bare", "raw", "x.img"),
            ("jammy-22.04", "bare", "ami", "jammy-22.04.raw"), ("x", "bare", "ploop", "x.hds"),
            ("x", "bare", "vhd", "x.vhd"), ("x", "bare", "vhdx", "x.vhdx"), ("x", "bare", "vdi", "x.vdi"),
            ("x", "bare", "iso", "x.iso"), ("x", "bare", "unknown", "x"),
            ("x", "ova", "vmdk", "x.ova"), ("x.ova", "ova", "vmdk", "x.ova"), ("x", "ovf", "vmdk", "x.ovf"),
            ("x", "compressed", "qcow2", "x.qcow2.gz"), ("x.raw", "compressed", "raw", "x.raw.gz"),
            ("x.raw.xz", "compressed", "raw", "x.raw.xz"),
            ("a/../b", "bare", "raw", "a..b.raw"), ("..", "bare", "raw", "\(FakeCloud.id(1)).raw"),
            ("/", "bare", "raw", "\(FakeCloud.id(1)).raw"), (".raw", "bare", "raw", ".raw.raw"),
        ])
    func fileName(_ name: String, _ container: String, _ format: String, _ expected: String) throws {
        let image = try Self.image(
            """
            "status": "active", "name": "\(name)", "container_format": "\(container)", "disk_format": "\(format)"
            """)
        #expect(String(decoding: image.fileName, as: UTF8.self) == expected)
    }

    @Test("an image without a name, and one with a very long one, has a name that a file can have")
    func odds() throws {
        #expect(try Self.image("\"status\": \"active\"").fileName == Array(FakeCloud.id(1).utf8))
        let long = String(repeating: "x", count: 255)
        let image = try Self.image(
            "\"status\": \"active\", \"name\": \"\(long)\", \"disk_format\": \"raw\"")
        #expect(image.fileName.count < 255 && image.fileName.suffix(4) == Array(".raw".utf8)[...])
    }

    @Test("texts, names and values that are too long are refused or left out")
    func long() throws {
        let long = String(repeating: "x", count: 70_000)
        #expect(
            openStackError { _ = try Self.image("\"status\": \"active\", \"name\": \"\(long)\"") }?.kind
                == .malformed)
        let image = try Self.image(
            "\"status\": \"active\", \"\(long)\": \"v\", \"p\": \"\(long)\", \"q\": \"v\"")
        #expect(image.properties.map(\.name) == ["q"])
    }

    @Test("a name is shown without what a terminal would obey")
    func shown() throws {
        let image = try Self.image(#""status": "active", "name": "a\u001b[2J\r\n\u202eb\u0000\u200b""#)
        #expect(image.shownName == "image a [2J \u{fffd}b \u{fffd} (\(FakeCloud.id(1)))")
    }
}
