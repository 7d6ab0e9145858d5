// Tests of making an image.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import Testing

@testable import RemoteSources

@Suite("An upload to the image service")
struct GlanceUploadTests {
    /// A service that keeps what it is sent.
    final class Store: Sendable {
        let images = SleepingMutex<[String: [UInt8]?]>([:])
        let made = SleepingMutex<[JSONValue]>([])

        func created(_ request: HTTPRequest) -> HTTPAnswer {
            guard let value = try? JSONParser.parse(request.body ?? []), let id = value.object?["id"]?.string
            else {
                return .status(400)
            }
            made.withLock { $0.append(value) }
            images.withLock { $0[id] = .some(nil) }
            return .status(201, "{\"id\": \"\(id)\", \"status\": \"queued\"}")
        }

        func id(_ request: HTTPRequest) -> String {
            request.address.text.split(separator: "/").map(String.init).first(where: GlanceImage.isID) ?? ""
        }

        func shown(_ request: HTTPRequest, algorithm: String = "sha512", digest: String? = nil) -> HTTPAnswer
        {
            let id = id(request)
            guard let entry = images.withLock({ $0[id] }) else { return .status(404) }
            guard let bytes = entry else {
                return .status(200, "{\"id\": \"\(id)\", \"status\": \"queued\"}")
            }
            var state = UploadDigest(algorithm)
            state?.update(bytes)
            let value = digest ?? state?.digits ?? "x"
            return .status(
                200,
                """
                {"id": "\(id)", "status": "active", "size": \(bytes.count), "os_hash_algo": "\(algorithm)",
                "os_hash_value": "\(value)"}
                """)
        }

        func stored(_ request: HTTPRequest, _ body: [UInt8]) -> HTTPAnswer {
            images.withLock { $0[id(request)] = .some(body) }
            return .status(204)
        }

        func deleted(_ request: HTTPRequest) -> HTTPAnswer {
            images.withLock { $0.removeValue(forKey: id(request)) } == nil ? .status(404) : .status(204)
        }
    }

    let store = Store()
    let content = (0..<5_500).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let new = NewImage(
        name: "a \"disk\"", containerFormat: "bare", diskFormat: "vmdk", visibility: "private",
        leastDiskSize: 2,
        properties: [.init(name: "vmware_adaptertype", value: "lsiLogic"), .init(name: "id", value: "mine")])

    func cloud(
        taking: FakeCloud.Taking? = nil, showing: (@Sendable (HTTPRequest) -> HTTPAnswer)? = nil,
        creating: (@Sendable (HTTPRequest) throws(TransportError) -> HTTPAnswer)? = nil,
        deleting: (@Sendable (HTTPRequest) -> HTTPAnswer)? = nil,
        changing: @escaping @Sendable (HTTPRequest) -> HTTPAnswer = { _ in .status(400) }
    ) -> FakeCloud {
        let store = store
        let storing: FakeCloud.Taking = { request, body in store.stored(request, body) }
        return FakeCloud(taking: taking ?? storing) { request, number throws(TransportError) in
            if request.address.text.contains("keystone") { return .token("t\(number)") }
            switch request.method {
            case .post:
                if let creating { return try creating(request) }
                return store.created(request)
            case .delete: return deleting?(request) ?? store.deleted(request)
            case .patch: return changing(request)
            default: return showing?(request) ?? store.shown(request)
            }
        }
    }

    func upload(
        _ cloud: FakeCloud, _ image: NewImage? = nil, from source: (any UploadSource)? = nil
    ) throws -> GlanceUpload.Outcome {
        let client = GlanceClient(try cloud.session())
        return try GlanceUpload(client, by: cloud).run(
            image ?? new, from: source ?? ByteSourceUpload(MemorySource(content)))
    }

    var remaining: Int { store.images.withLock { $0.count } }

    @Test("an image is made, filled and compared")
    func whole() throws {
        let progress = SleepingMutex<[UInt64]>([])
        let cloud = cloud()
        let source = ByteSourceUpload(MemorySource(content)) { count in progress.withLock { $0.append(count) }
        }
        let outcome = try upload(cloud, from: source)
        #expect(outcome.isCompared)
        #expect(outcome.image.byteCount == 5_500)
        #expect(store.images.withLock { $0[outcome.image.id] } == .some(content))
        let made = try #require(store.made.withLock { $0.first?.object })
        #expect(made["name"]?.string == "a \"disk\"" && made["disk_format"]?.string == "vmdk")
        #expect(made["container_format"]?.string == "bare" && made["visibility"]?.string == "private")
        #expect(made["min_disk"]?.unsigned == 2 && made["min_ram"] == nil)
        #expect(made["vmware_adaptertype"]?.string == "lsiLogic")
        #expect(made["id"]?.string == outcome.image.id)
        #expect(GlanceImage.isID(outcome.image.id))
        #expect(progress.withLock { $0 } == [1_000, 2_000, 3_000, 4_000, 5_000, 5_500])
        let put = try #require(cloud.requests.first { $0.method == .put })
        #expect(put.address.text == "http://images.example/image/v2/images/\(outcome.image.id)/file")
        #expect(put.headers.contains { $0.name == "Content-Type" && $0.value == "application/octet-stream" })
    }

    @Test("a digest of another kind is compared by reading once more; of an unknown kind, not at all")
    func otherDigests() throws {
        let store = store
        for algorithm in ["sha256", "sha384", "sha1", "md5", "SHA512"] {
            #expect(try upload(cloud(showing: { store.shown($0, algorithm: algorithm) })).isCompared)
        }
        #expect(try !upload(cloud(showing: { store.shown($0, algorithm: "blake3") })).isCompared)
    }

    @Test("what is stored wrong is deleted")
    func wrongBytes() throws {
        let store = store
        let digest = openStackError { _ = try upload(cloud(showing: { store.shown($0, digest: "0123") })) }
        #expect(digest?.kind == .uploadFailed)
        #expect(digest?.description.contains("sha512") == true)
        #expect(remaining == 0)
        let short = openStackError {
            let cutting = cloud(taking: { request, body throws(TransportError) in
                store.stored(request, body.dropLast())
            })
            _ = try upload(cutting)
        }
        #expect(short?.description.contains("5500 bytes were sent, and the service stored 5499") == true)
        #expect(remaining == 0)
    }

    @Test("an upload that breaks off is deleted and begun anew, three times at most")
    func brokenOff() throws {
        let store = store
        let attempts = Atomic<Int>(0)
        let cloud = cloud(taking: { request, body throws(TransportError) in
            guard attempts.add(1, ordering: .relaxed).newValue == 3 else {
                throw TransportError(.connection, at: "g", "reset")
            }
            return store.stored(request, body)
        })
        #expect(try upload(cloud).isCompared)
        #expect(attempts.load(ordering: .relaxed) == 3)
        #expect(remaining == 1)
        #expect(cloud.count(.delete, containing: "images") == 2)
        let broken = self.cloud(taking: { _, _ throws(TransportError) in
            throw TransportError(.connection, at: "g", "reset")
        })
        #expect(openStackError { _ = try upload(broken) }?.kind == .unavailable)
        #expect(broken.count(.put, containing: "images") == GlanceUpload.attemptLimit)
        #expect(remaining == 1)
    }

    @Test("a refusal is not tried again, and is explained")
    func refusals() throws {
        for (status, words) in [
            (413, "larger than"), (415, "disk format"), (409, "someone else"), (507, "is full"), (400, "400"),
        ] {
            let cloud = cloud(taking: { _, _ throws(TransportError) in
                .status(status, "<html><h1>x</h1>their words</html>")
            })
            let error = openStackError { _ = try upload(cloud) }
            #expect(error?.description.contains(words) == true)
            #expect(error?.description.contains("their words") == true)
            #expect(cloud.count(.put, containing: "images") == 1)
            #expect(remaining == 0)
        }
        let forbidden = openStackError {
            _ = try upload(cloud(creating: { _ throws(TransportError) in .status(403, "<h1>403</h1>quota") }))
        }
        #expect(forbidden?.kind == .refused)
        #expect(forbidden?.description.contains("making image a \"disk\"") == true)
    }

    @Test("a token that ends is renewed and the data sent anew, once")
    func endedToken() throws {
        let store = store
        let cloud = cloud(taking: { request, body throws(TransportError) in
            request.headers.contains { $0.value == "t1" } ? .status(401) : store.stored(request, body)
        })
        #expect(try upload(cloud).isCompared)
        #expect(cloud.count(.put, containing: "images") == 2)
        let refusing = self.cloud(taking: { _, _ throws(TransportError) in .status(401) })
        #expect(openStackError { _ = try upload(refusing) }?.kind == .refused)
        #expect(refusing.count(.put, containing: "images") == 2)
    }

    @Test("a source that cannot be read ends the upload, and nothing is left")
    func unreadable() throws {
        struct Broken: UploadSource {
            struct Stream: HTTPBodyStream {
                var byteCount: UInt64 { 10 }
                func next(upTo limit: Int) throws(ReadError) -> [UInt8] {
                    throw .corrupt(record: "grain", offset: 512, reason: "bad")
                }
            }
            func stream() -> any HTTPBodyStream { Stream() }
        }
        let error = openStackError { _ = try upload(cloud(), from: Broken()) }
        let reason = ReadError.corrupt(record: "grain", offset: 512, reason: "bad")
        #expect(error == OpenStackError(.unreadable(reason), "grain at byte 512: bad"))
        #expect(remaining == 0)
        // What is wrong may be known at the end only.
        let checked = ByteSourceUpload(MemorySource(content), check: { () throws(ReadError) in throw reason })
        #expect(openStackError { _ = try upload(cloud(), from: checked) }?.kind == .unreadable(reason))
        #expect(remaining == 0)
    }

    @Test("an image that cannot be deleted again is named")
    func leftBehind() throws {
        let cloud = cloud(
            taking: { _, _ throws(TransportError) in throw TransportError(.connection, at: "g", "reset") },
            deleting: { _ in .status(403) })
        let error = openStackError { _ = try upload(cloud) }
        #expect(error?.kind == .uploadFailed)
        let id = try #require(store.images.withLock { $0.keys.first })
        #expect(error?.description.contains("openstack image delete \(id)") == true)
        #expect(cloud.count(.put, containing: "images") == 1)
    }

    @Test("an image whose making got no answer is looked for and deleted")
    func lostAnswer() throws {
        let store = store
        let attempts = Atomic<Int>(0)
        let cloud = cloud(creating: { request throws(TransportError) in
            let answer = store.created(request)
            guard attempts.add(1, ordering: .relaxed).newValue > 1 else {
                throw TransportError(.connection, at: "g", "reset")
            }
            return answer
        })
        #expect(try upload(cloud).isCompared)
        #expect(remaining == 1)
        let other = self.cloud(creating: { _ throws(TransportError) in .status(201, FakeCloud.image(1)) })
        #expect(openStackError { _ = try upload(other) }?.kind == .malformed)
        #expect(other.count(.delete, containing: FakeCloud.id(1)) == 1)
    }

    @Test("an image that does not become active within ten minutes is deleted")
    func neverActive() throws {
        let store = store
        let saving: @Sendable (HTTPRequest) -> HTTPAnswer = { request in
            .status(200, "{\"id\": \"\(store.id(request))\", \"status\": \"saving\"}")
        }
        #expect(openStackError { _ = try upload(cloud(showing: saving)) }?.kind == .uploadFailed)
        #expect(remaining == 0)
        let killed: @Sendable (HTTPRequest) -> HTTPAnswer = { request in
            .status(200, "{\"id\": \"\(store.id(request))\", \"status\": \"killed\"}")
        }
        #expect(
            openStackError { _ = try upload(cloud(showing: killed)) }?.description.contains("killed") == true)
    }

    @Test("an answer to the data that is lost is no failure where the service has it all")
    func lostAnswerToData() throws {
        let store = store
        let lost = TransportError(.connection, at: "g", "reset")
        let taken = cloud(taking: { request, body throws(TransportError) in
            _ = store.stored(request, body)
            throw lost
        })
        #expect(try upload(taken).isCompared)
        #expect(taken.count(.put, containing: "images") == 1 && remaining == 1)
        // One that goes on saving is not waited for longer than for anything else.
        let saving = cloud(
            taking: { _, _ throws(TransportError) in throw lost },
            showing: { .status(200, "{\"id\": \"\(store.id($0))\", \"status\": \"saving\"}") })
        #expect(openStackError { _ = try upload(saving) }?.kind == .unavailable)
        #expect(saving.count(.put, containing: "images") == GlanceUpload.attemptLimit && remaining == 1)
    }

    @Test("tags are sent with the image, and it is protected once it is complete")
    func protected() throws {
        var image = new
        image.tags = ["a", "b\"c"]
        image.isProtected = true
        let cloud = cloud(changing: { _ in .status(200) })
        #expect(try upload(cloud, image).isCompared)
        let made = try #require(store.made.withLock { $0.first?.object })
        #expect(made["tags"] == .array([.string("a"), .string("b\"c")]) && made["protected"] == nil)
        let change = try #require(cloud.requests.last { $0.method == .patch })
        let text = #"[{"op":"replace","path":"/protected","value":true}]"#
        #expect(change.body == Array(text.utf8))
        #expect(change.headers.contains { $0.value == "application/openstack-images-v2.1-json-patch" })
        // An image that cannot be protected is not what was asked for.
        #expect(
            openStackError { _ = try upload(self.cloud(changing: { _ in .status(403) }), image) }?.kind
                == .refused)
        #expect(remaining == 1)
    }

    @Test("an upload that is called off is deleted, and not begun anew", arguments: [true, false])
    func calledOff(canDelete: Bool) throws {
        let holder = SleepingMutex<GlanceUpload?>(nil)
        let left = SleepingMutex<String?>(nil)
        let caller = SleepingMutex<WorkerThread?>(nil)
        let store = store
        let cloud = cloud(
            taking: { _, _ throws(TransportError) in
                let upload = holder.withLock { $0 }
                let thread = try? WorkerThread {
                    let text = upload?.cancel()
                    left.withLock { $0 = text }
                }
                caller.withLock { $0 = thread }
                while (try? PatientRead.checkCancellation()) != nil { ServiceClock.system.pause(0.01) }
                throw TransportError(.stopped, at: "g", "no one waits any more")
            }, deleting: { canDelete ? store.deleted($0) : .status(403) })
        let upload = GlanceUpload(GlanceClient(try cloud.session()), by: cloud)
        holder.withLock { $0 = upload }
        defer { holder.withLock { $0 = nil } }
        let error = openStackError {
            _ = try upload.run(new, from: ByteSourceUpload(MemorySource(content)))
        }
        #expect(error != nil)
        try #require(caller.withLock { $0 }).join()
        let told = left.withLock { $0 }
        let id = try #require(cloud.requests.first { $0.method == .put }.map(store.id))
        #expect(told.map { $0.contains("openstack image delete \(id)") } == (canDelete ? nil : true))
        #expect(cloud.count(.put, containing: "images") == 1 && remaining == (canDelete ? 0 : 1))
        #expect(cloud.count(.delete, containing: "images") == 1)
    }

    @Test("an upload that is called off before it begins makes no image; one that is complete stays")
    func calledOffInTime() throws {
        let cloud = cloud()
        let client = GlanceClient(try cloud.session())
        let early = GlanceUpload(client, by: cloud)
        let source = ByteSourceUpload(MemorySource(content))
        let thread = try WorkerThread { _ = early.cancel() }
        while !early.isCalledOff { ServiceClock.system.pause(0.01) }
        #expect(openStackError { _ = try early.run(new, from: source) } != nil)
        thread.join()
        #expect(cloud.count(.post, containing: "v2/images") == 0)
        let late = GlanceUpload(client, by: cloud)
        let id = try late.run(new, from: source).image.id
        #expect(late.cancel()?.contains(id) == true && remaining == 1)
    }
}
