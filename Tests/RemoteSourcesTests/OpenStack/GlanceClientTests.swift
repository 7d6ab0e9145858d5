// Tests of listing and finding images.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@testable import RemoteSources

@Suite("A client of the image service")
struct GlanceClientTests {
    private static let never = Deadline.never

    /// A client of a service that answers so below its address.
    private static func client(
        clock: ServiceClock = FakeClock().clock, _ answering: @escaping FakeCloud.Answering
    ) throws -> (GlanceClient, FakeCloud) {
        let cloud = FakeCloud { request, number throws(TransportError) in
            if request.address.text.contains("keystone") { return .token("t\(number)") }
            return try answering(request, number)
        }
        return (GlanceClient(try cloud.session(clock: clock)), cloud)
    }

    private static func page(_ images: [String], next: String? = nil) -> HTTPAnswer {
        let link = next.map { ", \"next\": \"\($0)\"" } ?? ""
        return .status(
            200, "{\"images\": [\(images.joined(separator: ","))]\(link), \"first\": \"/v2/images\"}")
    }

    @Test("all pages are listed in order, below the service's own path, and links are not followed")
    func pages() throws {
        let (client, cloud) = try Self.client { request, _ in
            let text = request.address.text
            if text.contains("marker=\(FakeCloud.id(4))") { return Self.page([]) }
            if text.contains("marker=\(FakeCloud.id(2))") {
                return Self.page(
                    [FakeCloud.image(3), FakeCloud.image(4)], next: "/v2/images?marker=whatever")
            }
            return Self.page(
                [FakeCloud.image(1), FakeCloud.image(2)], next: "http://evil.example/v2/images?marker=x")
        }
        #expect(try client.images(until: Self.never).map(\.id) == (1...4).map(FakeCloud.id))
        let addresses = cloud.requests.dropFirst().map(\.address.text)
        #expect(addresses.count == 3)
        for address in addresses {
            #expect(address.hasPrefix("http://images.example/image/v2/images?limit=200"))
        }
        for request in cloud.requests.dropFirst() {
            #expect(request.headers.contains { $0.name == "X-Auth-Token" && $0.value == "t1" && $0.isSecret })
        }
    }

    @Test("an image that comes twice, because the list moved, is listed once")
    func movedList() throws {
        let (client, _) = try Self.client { request, _ in
            request.address.text.contains("marker=")
                ? Self.page([FakeCloud.image(2), FakeCloud.image(3)])
                : Self.page([FakeCloud.image(1), FakeCloud.image(2)], next: "x")
        }
        #expect(try client.images(until: Self.never).map(\.id) == (1...3).map(FakeCloud.id))
    }

    @Test("a list that goes round in circles ends with an error")
    func circle() throws {
        let (client, cloud) = try Self.client { _, _ in
            Self.page([FakeCloud.image(1)], next: "/v2/images?marker=x")
        }
        let error = openStackError { _ = try client.images(until: Self.never) }
        #expect(error?.kind == .malformed)
        #expect(error?.description.contains("circles") == true)
        #expect(cloud.requests.count == 3)
    }

    @Test("a list that never ends does end: by pages, and by images")
    func endless() throws {
        let (slow, cloud) = try Self.client { _, number in Self.page([FakeCloud.image(number)], next: "x") }
        let pages = openStackError { _ = try slow.images(until: Self.never) }
        #expect(pages?.description.contains("\(GlanceClient.pageLimit) pages") == true)
        #expect(cloud.requests.count == GlanceClient.pageLimit + 1)
        let (fast, other) = try Self.client { _, number in
            Self.page((0..<2_000).map { FakeCloud.image(number * 2_000 + $0) }, next: "x")
        }
        let images = openStackError { _ = try fast.images(until: Self.never) }
        #expect(images?.description.contains("\(GlanceClient.imageLimit) images") == true)
        #expect(other.requests.count <= 30)
        let filler = String(repeating: "x", count: 60_000)
        let (large, third) = try Self.client { _, number in
            Self.page(
                (0..<100).map {
                    FakeCloud.image(number * 100 + $0, "\"status\": \"active\", \"note\": \"\(filler)\"")
                },
                next: "x")
        }
        let bytes = openStackError { _ = try large.images(until: Self.never) }
        #expect(bytes?.description.contains("MiB of images") == true)
        #expect(third.requests.count <= 14)
    }

    @Test(
        "what is no list of images is an error that says so",
        arguments: [
            "", "<html>Log in</html>", "[]", "{}", #"{"images": 5}"#, #"{"images": [5]}"#,
            #"{"images": [{}]}"#,
            #"{"images": [{"id": "../../../etc", "status": "active"}]}"#, #"{"images": [{"id": null}]}"#,
            "{\"images\": [{\"id\": \"\(FakeCloud.firstID)\"}]}",
            "{\"images\": [{\"id\": \"\(FakeCloud.firstID)\", \"status\": 5}]}",
            "{\"images\": [{\"id\": \"\(FakeCloud.firstID)\", \"status\": \"active\", \"size\": -1}]}",
            "{\"images\": [{\"id\": \"\(FakeCloud.firstID)\", \"status\": \"active\", \"size\": 9223372036854775808}]}",
            "{\"images\": [{\"id\": \"\(FakeCloud.firstID)\", \"status\": \"active\", \"virtual_size\": 1e3}]}",
            "{\"images\": [{\"id\": \"\(FakeCloud.firstID)\", \"status\": \"active\", \"name\": [1]}]}",
        ])
    func noList(_ body: String) throws {
        let (client, _) = try Self.client { _, _ in .status(200, body) }
        let error = openStackError { _ = try client.images(until: Self.never) }
        #expect(error?.kind == .malformed)
    }

    @Test("an image by id, whatever the case of its digits; the service cannot give another")
    func byID() throws {
        let (client, cloud) = try Self.client { request, _ in
            request.address.text.hasSuffix(FakeCloud.id(7))
                ? .status(200, FakeCloud.image(7)) : .status(200, FakeCloud.image(8))
        }
        #expect(try client.image(id: FakeCloud.id(7), until: Self.never).byteCount == 5)
        #expect(
            openStackError { _ = try client.image(id: FakeCloud.id(9), until: Self.never) }?.kind
                == .malformed)
        let before = cloud.requests.count
        for text in [
            "", "x", "../admin", FakeCloud.id(7) + "/file", FakeCloud.id(7) + "0", "7" + FakeCloud.id(7),
        ] {
            #expect(openStackError { _ = try client.image(id: text, until: Self.never) }?.kind == .notFound)
        }
        #expect(cloud.requests.count == before)
        let upper = "ABCDEF00-0000-4000-8000-000000000000"
        let (other, _) = try Self.client { _, _ in
            .status(200, "{\"id\": \"\(upper.lowercased())\", \"status\": \"active\"}")
        }
        #expect(try other.image(id: upper, until: Self.never).id == upper.lowercased())
        #expect(
            try other.dataAddress(ofImage: upper, until: Self.never).text
                == "http://images.example/image/v2/images/\(upper.lowercased())/file")
    }

    @Test("a name is one image's, byte for byte; several are an error with their ids")
    func byName() throws {
        // Two of them are equal to Swift.
        let names = [
            ("one", [1]), ("two", [2, 3]), ("e\u{301}", [4]), ("\u{e9}", [5]), ("in:x", [6]),
            ("a b&c=/\"%ü", [8]),
        ]
        let (client, cloud) = try Self.client { _, _ in
            // It answers with all, whatever the filter: what does not have the name does not count.
            Self.page(
                names.flatMap { name, numbers in
                    numbers.map {
                        FakeCloud.image(
                            $0,
                            "\"status\": \"active\", \"name\": \(String(decoding: JSONValue.string(name).text, as: UTF8.self))"
                        )
                    }
                } + [FakeCloud.image(9, "\"status\": \"active\", \"name\": null"), FakeCloud.image(10)])
        }
        for (name, numbers) in names where numbers.count == 1 {
            #expect(try client.find(name, until: Self.never).id == FakeCloud.id(numbers[0]))
        }
        let filters = cloud.requests.map(\.address.text).filter { $0.contains("name=") }
        #expect(filters.contains { $0.hasSuffix("&name=a%20b%26c%3D%2F%22%25%C3%BC") })
        // What stands before a colon is an operator to the service.
        #expect(filters.contains { $0.hasSuffix("&name=eq%3Ain%3Ax") || $0.hasSuffix("&name=eq:in:x") })
        let error = openStackError { _ = try client.find("two", until: Self.never) }
        guard case .ambiguous(let ids)? = error?.kind else {
            Issue.record("not ambiguous: \(String(describing: error))")
            return
        }
        #expect(Set(ids) == [FakeCloud.id(2), FakeCloud.id(3)])
        #expect(error?.description.contains(FakeCloud.id(3)) == true)
        let none = openStackError { _ = try client.find("three", until: Self.never) }
        #expect(none?.kind == .notFound)
        #expect(none?.description == "there is no image named three in the OS_* variables")
    }

    @Test("a hidden image is found by its id, and said to be hidden when it is named")
    func hidden() throws {
        let image = FakeCloud.image(
            1, "\"status\": \"active\", \"name\": \"old\", \"os_hidden\": true, \"size\": 1")
        let (client, _) = try Self.client { request, _ in
            let text = request.address.text
            if text.hasSuffix(FakeCloud.id(1)) { return .status(200, image) }
            return Self.page(text.contains("os_hidden=true") ? [image] : [])
        }
        #expect(try client.find(FakeCloud.id(1), until: Self.never).isHidden)
        let error = openStackError { _ = try client.find("old", until: Self.never) }
        #expect(error?.kind == .notFound)
        #expect(error?.description.contains("is hidden: name it by its id, \(FakeCloud.id(1))") == true)
    }

    @Test("a name that looks like an id is found where there is no such id")
    func idAsName() throws {
        let name = FakeCloud.id(99)
        let (client, _) = try Self.client { request, _ in
            if request.address.text.hasSuffix(name), !request.address.text.contains("?") {
                return .status(404)
            }
            return Self.page(
                request.address.text.contains("os_hidden")
                    ? [] : [FakeCloud.image(1, "\"status\": \"active\", \"name\": \"\(name)\"")])
        }
        #expect(try client.find(name, until: Self.never).id == FakeCloud.id(1))
        let (empty, _) = try Self.client { request, _ in
            request.address.text.contains("?") ? Self.page([]) : .status(404)
        }
        let error = openStackError { _ = try empty.find(name, until: Self.never) }
        #expect(error?.description.contains("was deleted, or belongs to another project") == true)
    }

    @Test("a token that is refused is renewed once, and the request repeated")
    func refusedToken() throws {
        let (client, cloud) = try Self.client { request, _ in
            request.headers.contains { $0.value == "t1" } ? .status(401) : .status(200, FakeCloud.image(1))
        }
        #expect(try client.image(id: FakeCloud.id(1), until: Self.never).id == FakeCloud.id(1))
        #expect(cloud.count(.post, containing: "keystone") == 2)
        #expect(cloud.count(.get, containing: "images.example") == 2)
    }

    @Test("401 for ever is an error after one renewal, for each request")
    func refusedForEver() throws {
        let (client, cloud) = try Self.client { _, _ in
            .status(401, "<html><title>401</title><h1>401</h1>who?</html>")
        }
        for _ in 0..<20 {
            let error = openStackError { _ = try client.images(until: Self.never) }
            #expect(error?.kind == .refused)
            #expect(error?.description.contains("answered 401: who?") == true)
        }
        #expect(cloud.count(.post, containing: "keystone") == 2)
        #expect(cloud.count(.get, containing: "images.example") <= 40)
    }

    @Test("a service that is not there is asked for a while, and for all of the time once it has answered")
    func unreachable() throws {
        let clock = FakeClock()
        let start = clock.now
        let isAway = SleepingMutex<(Double) -> Bool>({ $0 < 8 })
        let cloud = FakeCloud { request, _ throws(TransportError) in
            if request.address.text.contains("keystone") { return .token("t1") }
            if isAway.withLock({ $0(clock.now - start) }) {
                throw TransportError(.unreachable, at: "g", "connection refused")
            }
            return .status(200, FakeCloud.image(1))
        }
        let deadline = { Deadline(after: 300, from: clock.now) }
        let client = GlanceClient(try cloud.session(clock: clock.clock))
        #expect(try client.image(id: FakeCloud.id(1), until: deadline()).id == FakeCloud.id(1))
        #expect(clock.now - start < 20)
        // From now on it is one that was there.
        isAway.withLock { $0 = { _ in true } }
        var before = clock.now
        #expect(
            openStackError { _ = try client.image(id: FakeCloud.id(1), until: deadline()) }?.kind
                == .unavailable)
        #expect(clock.now - before > 100)
        let other = GlanceClient(try cloud.session(clock: clock.clock))
        before = clock.now
        #expect(
            openStackError { _ = try other.image(id: FakeCloud.id(1), until: deadline()) }?.kind
                == .unavailable)
        #expect(clock.now - before <= RetryPolicy.longestFirstContact)
    }

    @Test("trouble is tried again within the time that there is; what is none is not")
    func trouble() throws {
        let clock = FakeClock()
        let (client, _) = try Self.client(clock: clock.clock) { _, number throws(TransportError) in
            if number == 2 { throw TransportError(.connection, at: "g", "reset") }
            return number < 6 ? .status(503) : .status(200, FakeCloud.image(1))
        }
        #expect(try client.image(id: FakeCloud.id(1), until: Self.never).byteCount == 5)
        let (down, _) = try Self.client(clock: clock.clock) { _, _ in .status(500) }
        let start = clock.now
        let error = openStackError { _ = try down.images(until: Deadline(after: 60, from: start)) }
        #expect(error?.kind == .unavailable)
        #expect(clock.now - start <= 60)
        let (forbidden, cloud) = try Self.client { _, _ in
            .status(
                403,
                "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1>You &lt;may&gt; not.<br/></body></html>"
            )
        }
        let no = openStackError { _ = try forbidden.images(until: Self.never) }
        #expect(no?.kind == .refused)
        #expect(
            no?.description
                == "listing images: http://images.example/image/v2/images answered 403: You <may> not.")
        #expect(cloud.requests.count == 2)
    }

    @Test("a place without an image service of version 2 is said to be one")
    func multipleChoices() throws {
        let (client, _) = try Self.client { _, _ in .status(300, #"{"versions": []}"#) }
        let error = openStackError { _ = try client.images(until: Self.never) }
        #expect(error?.kind == .settings)
        #expect(error?.description.contains("300 Multiple Choices") == true)
        let (moved, _) = try Self.client { _, _ in
            .status(302, headers: [("Location", "http://evil.example/")])
        }
        #expect(openStackError { _ = try moved.images(until: Self.never) }?.kind == .settings)
    }

    @Test("an answer that is too long is an error")
    func tooLong() throws {
        let (client, _) = try Self.client { _, _ in
            .status(200, String(repeating: " ", count: ServiceCaller.bodyLimit + 1))
        }
        let error = openStackError { _ = try client.images(until: Self.never) }
        #expect(error?.transport?.kind == .tooLarge)
    }

    @Test(
        "the version of an image is its size and digest, without one its time; one that is gone or stopped has none"
    )
    func version() throws {
        let members = "\"size\": 5, \"os_hash_algo\": \"sha512\", \"os_hash_value\": \"abc\""
        let (client, _) = try Self.client { _, number in
            switch number {
            case 2: .status(200, FakeCloud.image(1, "\"status\": \"active\", \(members)"))
            case 3: .status(200, FakeCloud.image(1, "\"status\": \"deactivated\", \(members)"))
            case 4: .status(200, FakeCloud.image(1, "\"status\": \"active\""))
            case 5: .status(200, FakeCloud.image(1, "\"status\": \"active\", \"size\": 5"))
            default: .status(404)
            }
        }
        let id = FakeCloud.id(1)
        #expect(
            try client.version(ofImage: id, until: Self.never)
                == ObjectVersion(byteCount: 5, validator: .image(digest: "sha512:abc", updatedAt: "")))
        #expect(openStackError { _ = try client.version(ofImage: id, until: Self.never) }?.kind == .unusable)
        #expect(openStackError { _ = try client.version(ofImage: id, until: Self.never) }?.kind == .unusable)
        #expect(
            try client.version(ofImage: id, until: Self.never)
                == ObjectVersion(
                    byteCount: 5, validator: .image(digest: "", updatedAt: "2026-11-21T10:00:00Z")))
        #expect(openStackError { _ = try client.version(ofImage: id, until: Self.never) }?.kind == .notFound)
    }
}
