// One token for all who ask a cloud, renewed by one of them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Who is known to a cloud: has a token when someone needs one, and the address of the image service. Any thread may
/// use it. Its lock is held while its state is looked at, and never while a server is asked: one thread asks, those
/// who cannot do without its answer wait for it, and all others go on with the token that there is.
package final class KeystoneSession: Sendable {
    package let configuration: CloudsConfiguration
    let caller: ServiceCaller
    private let state = Monitor(State())
    private static let mostLateTokens = 8

    /// Before its end a token is renewed, in seconds; but none that is younger than half of its life.
    /// Spec: keystoneauth has the same number.
    static let renewalMargin = 120.0
    /// A renewed token that is refused is not renewed again at once, in seconds.
    static let shortestLife = 10.0
    /// Who has a good token does not wait longer for the next, in seconds.
    static let longestRenewal = 5.0
    /// After a refusal of the credentials they are not shown again at once, in seconds: clouds lock accounts.
    static let refusalPause = 10.0

    package init(
        _ configuration: CloudsConfiguration, exchanger: any HTTPExchanging, clock: ServiceClock = .system
    ) {
        self.configuration = configuration
        caller = ServiceCaller(exchanger: exchanger, security: configuration.security, clock: clock)
    }

    /// What a request to the image service needs.
    package struct Access: Sendable, Equatable {
        /// Nil where the service wants to know no one.
        let token: Secret?
        /// Without a version.
        let endpoint: WebAddress
    }

    private struct Held {
        let access: Access
        let obtainedAt: Double
        /// When it is renewed, and when it has ended.
        let renewedFrom: Double
        let endsAt: Double
        /// Whether the one before was refused.
        let isReplacement: Bool
    }

    private struct State {
        var held: Held?
        var tokenCount = 0
        /// Tokens that were used lately, the present one last: a service may quote one that it refused, and that is good still.
        var lateTokens: [Secret] = []
        /// Whether the next token is asked for because one was refused.
        var wasRefused = false
        var isAsking = false
        /// Why the cloud refuses; nil where another attempt may do.
        var refusal: OpenStackError?
        /// Until then no one asks again who knows the refusal, or has a good token.
        var quietUntil = -Double.infinity
    }

    /// What no message may show, besides the credentials.
    var lateTokens: [Secret] { state.withLock { $0.lateTokens } }

    private enum Step {
        case use(Access)
        case ask(orUse: Access?)
        case fail(OpenStackError)
    }

    /// A token that is good for now, and where it is good.
    /// - Throws: `OpenStackError`; the same for all who waited for it.
    package func access(until deadline: Deadline) throws(OpenStackError) -> Access {
        while true {
            let step = PatientRead.blocking { nextStep(deadline) }
            switch step {
            case .use(let access): return access
            case .fail(let error): throw error
            case .ask(let present):
                do throws(OpenStackError) {
                    let limit = Deadline(after: Self.longestRenewal, from: caller.clock.now())
                    return try ask(until: present == nil ? deadline : min(deadline, limit))
                } catch {
                    if let present { return present }
                    throw error
                }
            }
        }
    }

    /// Tokens that were had so far.
    package var tokenCount: Int { state.withLock { $0.tokenCount } }

    /// For an answer of 401 to a request with `token`: whether there is another one to try.
    /// - Throws: `OpenStackError` where a new one could not be had.
    package func renew(refused token: Secret?, until deadline: Deadline) throws(OpenStackError) -> Bool {
        let now = caller.clock.now()
        let canTry = state.withLock { (state: inout State) -> Bool in
            guard let held = state.held, held.access.token == token else { return token != nil }
            guard token != nil, !(held.isReplacement && now - held.obtainedAt < Self.shortestLife) else {
                return false
            }
            state.held = nil
            state.wasRefused = true
            return true
        }
        guard canTry else { return false }
        return try access(until: deadline).token != token
    }

    /// The same for who does not know which token was refused: the present one, unless it has just replaced another.
    func renew(until deadline: Deadline) throws(OpenStackError) -> Bool {
        let now = caller.clock.now()
        let held = state.withLock { $0.held }
        guard let held else { return try access(until: deadline).token != nil }
        if held.isReplacement, now - held.obtainedAt < Self.shortestLife { return true }
        return try renew(refused: held.access.token, until: deadline)
    }

    private func nextStep(_ deadline: Deadline) -> Step {
        let clock = caller.clock
        return state.withLock(
            waitingWhile: { state in
                state.isAsking && (state.held.map { clock.now() >= $0.endsAt } ?? true)
            }, until: deadline.time
        ) { state in
            let now = clock.now()
            if let held = state.held, now < held.endsAt {
                guard now >= held.renewedFrom, !state.isAsking, now >= state.quietUntil else {
                    return .use(held.access)
                }
                state.isAsking = true
                return .ask(orUse: held.access)
            }
            guard !state.isAsking else {
                return .fail(
                    OpenStackError(
                        TransportError(
                            .deadline, at: configuration.shownName,
                            "no token came within the time that there was")))
            }
            if let failure = state.refusal, now < state.quietUntil { return .fail(failure) }
            state.isAsking = true
            return .ask(orUse: nil)
        }
    }

    private func ask(until deadline: Deadline) throws(OpenStackError) -> Access {
        let start = caller.clock.now()
        let result: Result<KeystoneAnswer, OpenStackError>
        do throws(OpenStackError) {
            result = .success(try KeystoneRequest(configuration, caller).answer(until: deadline))
        } catch {
            result = .failure(error)
        }
        let now = caller.clock.now()
        state.withLock { state in
            state.isAsking = false
            switch result {
            case .success(let answer):
                let lifetime = answer.lifetime ?? .infinity
                state.held = Held(
                    access: answer.access, obtainedAt: now,
                    renewedFrom: start + max(lifetime - Self.renewalMargin, lifetime / 2),
                    endsAt: start + lifetime, isReplacement: state.wasRefused)
                state.tokenCount += 1
                if let token = answer.access.token {
                    state.lateTokens = (state.lateTokens + [token]).suffix(Self.mostLateTokens)
                }
                state.wasRefused = false
                state.refusal = nil
                state.quietUntil = -.infinity
            case .failure(let error):
                // What is no refusal is shared with no one: another may have more time.
                state.refusal = error.kind == .unavailable ? nil : error
                state.quietUntil = now + Self.refusalPause
            }
        }
        state.wake()
        return try result.get().access
    }
}
