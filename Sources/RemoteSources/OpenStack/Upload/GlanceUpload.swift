// Making an image and giving it its data.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Uploads an image: made, filled, compared with what was sent; deleted again where that fails, and tried anew where
/// that can help.
package struct GlanceUpload: Sendable {
    private let client: GlanceClient
    private let uploader: any HTTPUploading
    private let clock: ServiceClock
    private let silence: Double

    /// An upload that breaks off is begun anew so often.
    static let attemptLimit = 3
    /// For each request but the data's, in seconds.
    private static let requestTime = 60.0
    /// The service may take so long from the last byte to the image that can be used, in seconds.
    private static let activationTime = 600.0

    /// An upload for whose data nothing may move for `silence` seconds at most.
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

    /// Makes `image` from `source`.
    /// - Throws: `OpenStackError`; no image is left behind, or the error names it.
    package func run(_ image: NewImage, from source: any UploadSource) throws(OpenStackError) -> Outcome {
        var retries = RetryPolicy()
        while true {
            do throws(OpenStackError) {
                return try attempt(image, source)
            } catch {
                guard error.kind == .unavailable, retries.failureCount + 1 < Self.attemptLimit else {
                    throw error
                }
            }
            retries.noteFailure(at: clock.now(), random: clock.random())
            clock.pause(retries.wait(at: clock.now()))
        }
    }

    private func attempt(_ image: NewImage, _ source: any UploadSource) throws(OpenStackError) -> Outcome {
        let id = NewImage.randomID()
        try create(image, id)
        do throws(OpenStackError) {
            let sent = try send(source, to: id)
            return try compare(sent, source, id)
        } catch {
            try delete(id, because: error)
            throw error
        }
    }

    private var deadline: Deadline { Deadline(after: Self.requestTime, from: clock.now()) }

    private func create(_ image: NewImage, _ id: String) throws(OpenStackError) {
        let doing = "making image \(ServiceText.quotable(image.name))"
        let headers = [HTTPHeader(checked: "Content-Type", "application/json")]
        let answer: HTTPAnswer
        do throws(OpenStackError) {
            answer = try client.answer(
                .post, "/v2/images", headers: headers, body: image.requestBody(id: id), doing: doing,
                until: deadline
            ) { $0 == 201 }
        } catch {
            // Its answer may have been lost.
            if error.kind == .unavailable { try delete(id, because: error) }
            throw error
        }
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

    private func send(_ source: any UploadSource, to id: String) throws(OpenStackError) -> DigestedStream {
        var isSecondAttempt = false
        while true {
            let access = try client.session.access(until: deadline)
            let place = try client.address("/v2/images/\(id)/file", at: access)
            let stream = try stream(of: source, UploadDigest.usualAlgorithm)
            let headers =
                try GlanceClient.headers(access)
                + [HTTPHeader(checked: "Content-Type", "application/octet-stream")]
            let request = HTTPRequest(
                .put, place, headers: headers, security: client.session.configuration.security)
            let answer: HTTPAnswer
            do throws(TransportError) {
                answer = try uploader.upload(
                    request, body: stream, bodyLimit: ServiceCaller.bodyLimit, silence: silence)
            } catch {
                if let failure = stream.failure { throw Self.unreadable(failure) }
                throw OpenStackError(error)
            }
            // An answer that came early is about what the server did not want to see.
            if answer.status == 204 { return stream }
            if let failure = stream.failure { throw Self.unreadable(failure) }
            if answer.status == 401, !isSecondAttempt,
                try client.session.renew(refused: access.token, until: deadline)
            {
                isSecondAttempt = true
                continue
            }
            throw refusal(answer, place, access)
        }
    }

    private func stream(of source: any UploadSource, _ algorithm: String) throws(OpenStackError)
        -> DigestedStream
    {
        guard let digest = UploadDigest(algorithm) else {
            preconditionFailure("an algorithm that was looked up")
        }
        do throws(ReadError) {
            return DigestedStream(try source.stream(), digest)
        } catch {
            throw Self.unreadable(error)
        }
    }

    private static func unreadable(_ error: ReadError) -> OpenStackError {
        OpenStackError(.unreadable, "\(error)")
    }

    private func refusal(
        _ answer: HTTPAnswer, _ place: WebAddress, _ access: KeystoneSession.Access
    ) -> OpenStackError {
        let general = ServiceCaller.error(
            answer, doing: "sending the data", at: place, hiding: client.secrets(access))
        return switch answer.status {
        case 413: OpenStackError(.uploadFailed, "\(general); the image is larger than this project may store")
        case 415:
            OpenStackError(
                .uploadFailed, "\(general); the disk format that was named is not that of the data")
        case 409, 410: OpenStackError(.uploadFailed, "\(general); someone else changed or deleted the image")
        case 507: OpenStackError(.uploadFailed, "\(general); the service's store is full")
        default: general
        }
    }
}

extension GlanceUpload {
    /// Waits until the image is active, and looks whether it is what was sent.
    private func compare(
        _ sent: DigestedStream, _ source: any UploadSource, _ id: String
    ) throws(OpenStackError) -> Outcome {
        let image = try activated(id)
        guard image.byteCount == sent.takenByteCount else {
            throw OpenStackError(
                .uploadFailed,
                "\(sent.takenByteCount) bytes were sent, and the service stored "
                    + (image.byteCount.map { "\($0)" } ?? "none that it counted"))
        }
        guard let algorithm = image.digestAlgorithm, let digest = image.digest, UploadDigest(algorithm) != nil
        else {
            return Outcome(image: image, isCompared: false)
        }
        let own =
            ASCIIWord(folding: algorithm)?.text == UploadDigest.usualAlgorithm
            ? sent.digits : try digits(of: source, algorithm)
        guard digest.lowercased().utf8.elementsEqual(own.utf8) else {
            throw OpenStackError(
                .uploadFailed, "the service stored other bytes than were sent: its \(algorithm) is not theirs"
            )
        }
        return Outcome(image: image, isCompared: true)
    }

    /// The digest of the source's bytes, by reading it once more.
    private func digits(of source: any UploadSource, _ algorithm: String) throws(OpenStackError) -> String {
        let stream = try stream(of: source, algorithm)
        do throws(ReadError) {
            while try !stream.next(upTo: 1 << 20).isEmpty {}
        } catch {
            throw Self.unreadable(error)
        }
        return stream.digits
    }

    private func activated(_ id: String) throws(OpenStackError) -> GlanceImage {
        let end = Deadline(after: Self.activationTime, from: clock.now())
        while true {
            let image = try client.image(id: id, until: deadline)
            switch image.status {
            case .active: return image
            case .queued, .incoming:
                guard !end.hasPassed(at: clock.now()) else {
                    throw OpenStackError(
                        .uploadFailed, image.unusableReason ?? "\(image.shownName) does not become active")
                }
                clock.pause(1)
            case .deactivated, .deleted, .killed, .unknown:
                throw OpenStackError(
                    .uploadFailed, image.unusableReason ?? "\(image.shownName) does not become active")
            }
        }
    }

    /// Deletes what is left of an upload that failed for `reason`.
    /// - Throws: `reason` with the id of the image, where it cannot be deleted.
    private func delete(_ id: String, because reason: OpenStackError) throws(OpenStackError) {
        do throws(OpenStackError) {
            _ = try client.answer(.delete, "/v2/images/\(id)", doing: "deleting image \(id)", until: deadline)
            {
                $0 == 204 || $0 == 404
            }
        } catch {
            throw OpenStackError(
                .uploadFailed,
                "\(reason); and image \(id), which this leaves behind, could not be deleted (\(error)): "
                    + "delete it with `openstack image delete \(id)`")
        }
    }
}
