// Requests to a service of the cloud, tried again where that can help.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Sends requests with small answers.
struct ServiceCaller: Sendable {
    let exchanger: any HTTPExchanging
    let security: TransportSecurity
    let clock: ServiceClock
    /// The services that have ever been there.
    private let contacts = Contacts()

    init(exchanger: any HTTPExchanging, security: TransportSecurity, clock: ServiceClock) {
        self.exchanger = exchanger
        self.security = security
        self.clock = clock
    }

    /// The longest answer that is taken, in bytes: a page of 200 images has at most a fourth of it.
    static let bodyLimit = 8 << 20

    /// The answer to `request`, whatever its status. Where it is repeatable, which is when asking twice does no more than
    /// asking once, what fails for a while is tried again until `deadline`; a service that was never reached, for
    /// `RetryPolicy.longestFirstContact` at most.
    /// - Throws: `OpenStackError` of kind `unavailable` where no answer came in time.
    func answer(
        to request: HTTPRequest, isRepeatable: Bool, until deadline: Deadline
    ) throws(OpenStackError) -> HTTPAnswer {
        var request = request
        request.security = security
        var retries = RetryPolicy()
        let firstContactEnd = clock.now() + RetryPolicy.longestFirstContact
        while true {
            var (end, longest) = (deadline.time, RetryPolicy.longestLimit)
            let failure: OpenStackError
            var delay: Double?
            var last: HTTPAnswer?
            do throws(TransportError) {
                let answer = try exchanger.exchange(request, bodyLimit: Self.bodyLimit, until: deadline)
                contacts.origins.withLock { _ = $0.insert(request.address.origin) }
                guard isRepeatable, Self.isTemporary(answer.status) else { return answer }
                delay = RetryAfter.seconds(answer.headers, at: clock.date())
                last = answer
                failure = OpenStackError(.unavailable, "")
            } catch {
                guard isRepeatable, error.isWorthRetrying else { throw OpenStackError(error) }
                let origin = request.address.origin
                if error.kind == .unreachable, !contacts.origins.withLock({ $0.contains(origin) }) {
                    end = min(end, firstContactEnd)
                    longest = RetryPolicy.longestFirstContactWait
                }
                failure = OpenStackError(error)
            }
            let now = clock.now()
            retries.noteFailure(at: now, delay: delay, random: clock.random(), longest: longest)
            let wait = retries.wait(at: now)
            guard now + wait < end, (try? PatientRead.checkCancellation()) != nil else {
                if let last { return last }
                throw failure
            }
            clock.pause(wait)
        }
    }

    static func isTemporary(_ status: Int) -> Bool {
        status == 408 || status == 425 || status == 429 || (500...599).contains(status)
    }

    /// An error for an answer that is none of those that are expected. `doing` says what was asked for, such as
    /// "listing images".
    static func error(
        _ answer: HTTPAnswer, doing: String, at place: WebAddress, hiding secrets: [Secret]
    ) -> OpenStackError {
        let words = ServiceText.message(in: answer.body, hiding: secrets).map { ": \($0)" } ?? ""
        let kind: OpenStackError.Kind
        var advice = ""
        switch answer.status {
        case 401, 403: kind = .refused
        case 404, 410: kind = .notFound
        case 400: kind = .misdescribed
        case 300:
            // What a Glance or a Keystone answers to all paths that it does not know.
            return OpenStackError(
                .settings,
                "\(doing): \(place) answers with a list of versions (300 Multiple Choices): that is no address of the "
                    + "service's current version; check auth_url and image_endpoint_override")
        case 301...399:
            kind = .settings
            advice = "; the address of the service has to be the one that answers"
        case _ where isTemporary(answer.status): kind = .unavailable
        default: kind = .malformed
        }
        return OpenStackError(kind, "\(doing): \(place) answered \(answer.status)\(words)\(advice)")
    }
}

/// Shared by all who call for one session.
private final class Contacts: Sendable {
    let origins = SleepingMutex<Set<WebOrigin>>([])
}
