// Making an image and giving it its data.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Uploads one image: made, filled, compared with what was sent; deleted again where that fails, and tried anew where
/// that can help. Whoever wants it no more may call it off from another thread.
package final class GlanceUpload: Sendable {
    let client: GlanceClient
    let uploader: any HTTPUploading
    let clock: ServiceClock
    let silence: Double
    /// What is waited for by it ends when the upload is called off; making and deleting images does not.
    private let patience = PatientRead(decodingIn: DecoderPlaces(1))
    private let state = Monitor(State())

    private struct State {
        var isCancelled = false
        var hasEnded = false
        /// The image that is being made, or was.
        var id: String?
        /// The image whose making got no answer: it may be there, or come yet. It is asked for again by its id.
        var lostID: String?
        var isComplete = false
        /// What could not be deleted, in a line.
        var leftBehind: String?
    }

    /// An upload that breaks off is begun anew so often.
    static let attemptLimit = 3
    /// The service may take so long from the last byte to the image that can be used, in seconds.
    static let activationTime = 600.0
    /// Who calls an upload off waits no longer for the image to be deleted, in seconds.
    private static let farewellTime = 20.0

    /// An upload in which nothing may move for `silence` seconds at most, and no other request takes longer.
    package init(_ client: GlanceClient, by uploader: any HTTPUploading, silence: Double = 60) {
        self.client = client
        self.uploader = uploader
        self.silence = silence
        clock = client.caller.clock
    }

    /// What came of it.
    package struct Outcome: Sendable, Equatable {
        package let image: GlanceImage
        /// Whether the service's digest was compared with what was sent; it has none of some algorithms.
        package let isCompared: Bool
    }

    /// Makes `image` from `source`; called once. `noteMade` is told the id of each image that is made on the way.
    /// - Throws: `OpenStackError`; no image is left behind, or the error names it.
    package func run(
        _ image: NewImage, from source: any UploadSource, noteMade: (_ id: String) -> Void = { _ in }
    ) throws(OpenStackError) -> Outcome {
        defer {
            state.withLock { $0.hasEnded = true }
            state.wake()
        }
        var retries = RetryPolicy()
        while true {
            do throws(OpenStackError) {
                return try attempt(image, source, noteMade)
            } catch {
                guard error.kind == .unavailable, !isCalledOff, retries.failureCount + 1 < Self.attemptLimit
                else {
                    if let id = state.withLock({ $0.lostID }) { try deleteLost(id, because: error) }
                    throw error
                }
            }
            retries.noteFailure(at: clock.now(), random: clock.random())
            patience.perform { clock.pause(retries.wait(at: clock.now())) }
        }
    }

    /// Calls the upload off, and waits until nothing is left of it.
    /// - Returns: What is left all the same, in a line; nil where nothing is.
    package func cancel() -> String? {
        state.withLock { $0.isCancelled = true }
        patience.cancel()
        let limit = MonotonicClock.now + Self.farewellTime
        return state.withLock(waitingWhile: { !$0.hasEnded }, until: limit) { state in
            guard let id = state.id else { return nil }
            if let left = state.leftBehind { return left }
            if state.isComplete { return "image \(id) was complete already, and stays" }
            return state.hasEnded
                ? nil
                : "the service did not answer in time, and image \(id) may be left behind: "
                    + Self.advice(id)
        }
    }

    var isCalledOff: Bool { state.withLock { $0.isCancelled } }

    /// For one request.
    var deadline: Deadline {
        Deadline(after: isCalledOff ? min(silence, Self.farewellTime / 2) : silence, from: clock.now())
    }

    private func attempt(
        _ image: NewImage, _ source: any UploadSource, _ noteMade: (_ id: String) -> Void
    ) throws(OpenStackError) -> Outcome {
        let lostID = state.withLock { $0.lostID }
        let id = lostID ?? NewImage.randomID()
        let isWanted = state.withLock { state in
            if !state.isCancelled { state.id = id }
            return !state.isCancelled
        }
        guard isWanted else { throw OpenStackError(.uploadFailed, "the upload was called off") }
        try create(image, id, again: lostID != nil)
        noteMade(id)
        do throws(OpenStackError) {
            let outcome = try patiently { () throws(OpenStackError) in
                try compare(try send(source, to: id), source, id)
            }
            let isWanted = state.withLock { state in
                state.isComplete = !state.isCancelled
                return state.isComplete
            }
            guard isWanted else { throw OpenStackError(.uploadFailed, "the upload was called off") }
            if image.isProtected { try protect(id) }
            return outcome
        } catch {
            try delete(id, because: error)
            throw error
        }
    }

    private func patiently<Result>(
        _ body: () throws(OpenStackError) -> Result
    ) throws(OpenStackError) -> Result {
        var result: Swift.Result<Result, OpenStackError>?
        patience.perform {
            do throws(OpenStackError) {
                result = .success(try body())
            } catch {
                result = .failure(error)
            }
        }
        guard let result else { throw OpenStackError(.uploadFailed, "the upload did not take place") }
        return try result.get()
    }

    /// Makes the image; `again` where an earlier attempt to make it got no answer, and may have made it.
    private func create(_ image: NewImage, _ id: String, again: Bool) throws(OpenStackError) {
        let doing = "making image \(ServiceText.quotable(image.name))"
        let headers = [HTTPHeader(checked: "Content-Type", "application/json")]
        let answer: HTTPAnswer
        do throws(OpenStackError) {
            answer = try client.answer(
                .post, "/v2/images", headers: headers, body: image.requestBody(id: id), doing: doing,
                until: deadline
            ) { $0 == 201 || again && $0 == 409 }
        } catch {
            // Nothing was sent.
            if error.transport?.kind == .unreachable { throw error }
            guard error.kind == .unavailable else {
                // An answer that is not expected says nothing of what was made.
                if try delete(id, because: error, isKnown: false) { state.withLock { $0.lostID = nil } }
                throw error
            }
            state.withLock { $0.lostID = id }
            throw error
        }
        state.withLock { $0.lostID = nil }
        guard answer.status == 201 else { return }
        let made: GlanceImage
        do throws(OpenStackError) {
            made = try GlanceImage(try GlanceClient.json(answer))
        } catch {
            try delete(id, because: error)
            throw error
        }
        guard made.id == id else {
            let error = OpenStackError(
                .malformed, "the image service made image \(made.id) where \(id) was asked for")
            try delete(made.id, because: error)
            throw error
        }
    }

    /// Has the service refuse to delete the image. It is not made so: what fails has to be deleted.
    private func protect(_ id: String) throws(OpenStackError) {
        let change = JSONValue.object([
            "op": .string("replace"), "path": .string("/protected"), "value": .boolean(true),
        ])
        let type = HTTPHeader(
            checked: "Content-Type", "application/openstack-images-v2.1-json-patch")
        _ = try client.answer(
            .patch, "/v2/images/\(id)", headers: [type], body: JSONValue.array([change]).text,
            doing: "protecting image \(id)", until: deadline
        ) { $0 == 200 }
    }

    /// Deletes what is left of an upload that failed for `reason`; an image that is not known may not be there.
    /// - Returns: Whether it was there.
    /// - Throws: `reason` with the id of the image, where it cannot be deleted.
    @discardableResult
    private func delete(
        _ id: String, because reason: OpenStackError, isKnown: Bool = true
    ) throws(OpenStackError) -> Bool {
        do throws(OpenStackError) {
            return try client.answer(
                .delete, "/v2/images/\(id)", doing: "deleting image \(id)", until: deadline
            ) {
                $0 == 204 || $0 == 404
            }.status == 204
        } catch {
            let left =
                "image \(id) \(isKnown ? "is" : "may be") left behind, as it could not be deleted (\(error)): "
                + Self.advice(id)
            state.withLock { $0.leftBehind = left }
            // What it failed for stays what it is, but for what another attempt may do: it would leave another image.
            let kind = reason.kind == .unavailable ? .uploadFailed : reason.kind
            throw OpenStackError(kind, "\(reason); \(left)")
        }
    }

    /// Deletes an image whose making got no answer. Where it is not there it may be made yet.
    /// - Throws: `reason` with the id, where nobody knows.
    private func deleteLost(_ id: String, because reason: OpenStackError) throws(OpenStackError) {
        let answer: HTTPAnswer?
        do throws(OpenStackError) {
            answer = try client.answer(
                .delete, "/v2/images/\(id)", doing: "deleting image \(id)", until: deadline
            ) { $0 == 204 || $0 == 404 }
        } catch {
            answer = nil
        }
        guard answer?.status != 204 else { return }
        let left = "image \(id) may be made by the service all the same: if it is, \(Self.advice(id))"
        state.withLock { $0.leftBehind = left }
        throw OpenStackError(.uploadFailed, "\(reason); \(left)")
    }

    private static func advice(_ id: String) -> String {
        "delete it with 'openstack image delete \(id)'"
    }
}
