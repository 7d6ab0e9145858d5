// Sending an image's data, and comparing what the service has of it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension GlanceUpload {
    /// Data that was sent.
    struct Sent {
        let stream: DigestedStream
        /// Why no answer came to all of it; nil where the service said that it took it.
        let lostAnswer: OpenStackError?
    }

    /// Sends all of `source`.
    func send(_ source: any UploadSource, to id: String) throws(OpenStackError) -> Sent {
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
                let failure = OpenStackError(error)
                guard error.isWorthRetrying, stream.takenByteCount == stream.byteCount else { throw failure }
                return Sent(stream: stream, lostAnswer: failure)
            }
            // An answer that came early is about what the server did not want to see.
            if answer.status == 204 {
                guard stream.takenByteCount == stream.byteCount else {
                    throw OpenStackError(
                        .uploadFailed,
                        "\(place) answered that it has the data when \(stream.takenByteCount) of "
                            + "\(stream.byteCount) bytes were sent")
                }
                return Sent(stream: stream, lostAnswer: nil)
            }
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
        OpenStackError(.unreadable(error), "\(error)")
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
    func compare(
        _ sent: Sent, _ source: any UploadSource, _ id: String
    ) throws(OpenStackError) -> Outcome {
        let image = try activated(id, sent.lostAnswer)
        guard image.byteCount == sent.stream.takenByteCount else {
            throw OpenStackError(
                .uploadFailed,
                "\(sent.stream.takenByteCount) bytes were sent, and the service stored "
                    + (image.byteCount.map { "\($0)" } ?? "none that it counted"))
        }
        guard let (algorithm, digest) = image.comparableDigest, UploadDigest(algorithm) != nil else {
            return Outcome(image: image, isCompared: false)
        }
        let own =
            ASCIIWord(folding: algorithm)?.text == UploadDigest.usualAlgorithm
            ? sent.stream.digits : try digits(of: source, algorithm)
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
        let body = UploadBody(stream, silence: .infinity, leastBytesPerSecond: 0)
        while let part = body.next(upTo: 1 << 20) {
            if part.isEmpty { return stream.digits }
            guard (try? PatientRead.checkCancellation()) != nil else { break }
        }
        throw stream.failure.map(Self.unreadable)
            ?? OpenStackError(.uploadFailed, "the upload was called off")
    }

    /// Where the answer to the data was lost, the service may have taken it all the same: what it says of the image tells.
    private func activated(_ id: String, _ lostAnswer: OpenStackError?) throws(OpenStackError) -> GlanceImage
    {
        let start = clock.now()
        // A service that was silent to the end may be storing what it has.
        let isPatient = lostAnswer.map { $0.transport?.kind == .silence } ?? true
        let end = Deadline(after: isPatient ? Self.activationTime : silence, from: start)
        // It says that it has the data, and that there is none.
        let endOfQueue = Deadline(after: silence, from: start)
        while true {
            let image = try client.image(id: id, until: deadline)
            switch image.status {
            case .active: return image
            case .queued, .incoming:
                if image.status == .queued, let lostAnswer { throw lostAnswer }
                let limit = image.status == .queued ? endOfQueue : end
                guard !limit.hasPassed(at: clock.now()) else {
                    throw lostAnswer
                        ?? OpenStackError(
                            .uploadFailed,
                            image.unusableReason ?? "\(image.shownName) does not become active")
                }
                clock.pause(1)
                guard (try? PatientRead.checkCancellation()) != nil else {
                    throw OpenStackError(.uploadFailed, "the upload was called off")
                }
            case .deactivated, .deleted, .killed, .unknown:
                throw OpenStackError(
                    .uploadFailed, image.unusableReason ?? "\(image.shownName) does not become active")
            }
        }
    }
}
