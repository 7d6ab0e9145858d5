// Tests of making an image where answers are lost, early or odd.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@testable import RemoteSources

extension GlanceUploadTests {
    @Test("a service that has the data before it was sent is not believed")
    func answeredEarly() throws {
        let store = store
        let cloud = FakeCloud(early: .status(204)) { request, number throws(TransportError) in
            if request.address.text.contains("keystone") { return .token("t\(number)") }
            switch request.method {
            case .post: return store.created(request)
            case .delete: return store.deleted(request)
            default:
                _ = store.stored(request, [])
                return store.shown(request)
            }
        }
        let error = openStackError { _ = try upload(cloud) }
        #expect(error?.kind == .uploadFailed && error?.description.contains("0 of 5500 bytes") == true)
        #expect(remaining == 0)
    }

    @Test("what an upload failed for stays what it is where the image cannot be deleted")
    func reasonStays() throws {
        let lost = ReadError.remote(source: "x", reason: "gone")
        let checked = ByteSourceUpload(MemorySource(content), check: { () throws(ReadError) in throw lost })
        let error = openStackError { _ = try upload(cloud(deleting: { _ in .status(403) }), from: checked) }
        #expect(error?.kind == .unreadable(lost))
        #expect(error?.description.contains("openstack image delete") == true)
    }

    @Test("an image whose making got no answer is asked for again under its id, and named where nobody knows")
    func lateImage() throws {
        let store = store
        let lost = TransportError(.connection, at: "g", "reset")
        let asked = SleepingMutex<[String]>([])
        let exists = cloud(creating: { request throws(TransportError) in
            let id = (try? JSONParser.parse(request.body ?? []))?.object?["id"]?.string ?? ""
            let isFirst = asked.withLock { ids in
                ids.append(id)
                return ids.count == 1
            }
            guard isFirst else { return .status(409) }
            _ = store.created(request)
            throw lost
        })
        #expect(try upload(exists).isCompared)
        #expect(asked.withLock { $0.count == 2 && Set($0).count == 1 } && remaining == 1)
        // One that no one has seen may come yet.
        let never = cloud(creating: { _ throws(TransportError) in throw lost })
        let error = openStackError { _ = try upload(never) }
        #expect(error?.kind == .uploadFailed)
        #expect(error?.description.contains("may be made by the service all the same") == true)
        #expect(never.count(.post, containing: "v2/images") == GlanceUpload.attemptLimit)
        #expect(never.count(.delete, containing: "v2/images") == 1)
        // What is not expected says nothing of what was made.
        for status in [200, 202, 302, 400] {
            let odd = cloud(creating: { request throws(TransportError) in
                _ = store.created(request)
                return .status(status)
            })
            #expect(openStackError { _ = try upload(odd) } != nil)
            #expect(remaining == 1, "\(status)")
        }
    }

    @Test("an image that stays without data though the service has it is not waited for as long")
    func queued() throws {
        let store = store
        let clock = FakeClock()
        let start = clock.now
        let cloud = cloud(showing: { .status(200, "{\"id\": \"\(store.id($0))\", \"status\": \"queued\"}") })
        let client = GlanceClient(try cloud.session(clock: clock.clock))
        let error = openStackError {
            _ = try GlanceUpload(client, by: cloud, silence: 5).run(
                new, from: ByteSourceUpload(MemorySource(content)))
        }
        #expect(error?.kind == .uploadFailed && clock.now - start < 60 && remaining == 0)
    }
}
