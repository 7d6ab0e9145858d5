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
        // Of one that was made and deleted nothing is said, nor of one that nobody was asked for.
        let count = SleepingMutex(0)
        let refusing = cloud(creating: { request throws(TransportError) in
            let isFirst = count.withLock { count in
                count += 1
                return count == 1
            }
            guard isFirst else { return .status(403) }
            _ = store.created(request)
            throw lost
        })
        let refusal = openStackError { _ = try upload(refusing) }
        #expect(refusal?.kind == .refused && remaining == 1)
        #expect(refusal?.description.contains("may be made") == false)
        let away = cloud(creating: { _ throws(TransportError) in
            throw TransportError(.unreachable, at: "g", "connection refused")
        })
        let unreached = openStackError { _ = try upload(away) }
        #expect(unreached?.kind == .unavailable && away.count(.delete, containing: "v2/images") == 0)
        // What is not expected says nothing of what was made.
        let schema = cloud(creating: { _ in
            .status(
                400, "<h1>400</h1>'x' is not one of ['raw']\n\nFailed validating 'enum' in schema[1]: {}")
        })
        let refused = openStackError { _ = try upload(schema) }
        #expect(refused?.kind == .misdescribed)
        #expect(refused?.description.hasSuffix("'x' is not one of ['raw']") == true, "\(refused as Any)")
        for status in [200, 202, 302, 400] {
            let odd = cloud(creating: { request throws(TransportError) in
                _ = store.created(request)
                return .status(status)
            })
            #expect(openStackError { _ = try upload(odd) } != nil)
            #expect(remaining == 1, "\(status)")
        }
    }

    @Test("a service that was silent while it stored has as long as one that said that it has all")
    func storesInSilence() throws {
        let store = store
        let clock = FakeClock()
        let (start, slow) = (clock.now, 300.0)
        for (kind, isWaitedFor) in [(TransportError.Kind.silence, true), (.connection, false)] {
            let begin = clock.now
            let cloud = cloud(
                taking: { request, body throws(TransportError) in
                    _ = store.stored(request, body)
                    throw TransportError(kind, at: "g", "nothing")
                },
                showing: { request in
                    clock.now - begin < slow
                        ? .status(200, "{\"id\": \"\(store.id(request))\", \"status\": \"saving\"}")
                        : store.shown(request)
                })
            let client = GlanceClient(try cloud.session(clock: clock.clock))
            let made = SleepingMutex<[String]>([])
            let error = openStackError {
                _ = try GlanceUpload(client, by: cloud, silence: 5).run(
                    new, from: ByteSourceUpload(MemorySource(content))
                ) { id in made.withLock { $0.append(id) } }
            }
            #expect((error == nil) == isWaitedFor, "\(kind): \(error?.description ?? "")")
            #expect(made.withLock { $0.count } == (isWaitedFor ? 1 : GlanceUpload.attemptLimit))
        }
        #expect(clock.now - start >= slow)
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
