// Which certificates of a file may stand between its signer and a trusted one.
// SPDX-License-Identifier: Apache-2.0

import X509

extension SigningPolicy {
    /// Most certificates between a signer and a trusted one.
    static let maximumIntermediateCount = 5

    /// The certificates of `others` that a search for a chain is given.
    ///
    /// X509 tries every way through them, and certificates of one name and one key issue each other: n of them have
    /// n! ways. So there is one for each name and key, each made the signature of one before it, and they are few:
    /// others of the issuer's name, with other keys, are in nobody's way. Of several with one name and key the one
    /// that a trusted certificate issued and that is valid at `now`, in seconds since 1970, is the one.
    static func intermediates(
        of signer: Certificate, among others: [Certificate], _ anchors: TrustAnchors, now: Int64
    ) -> [Certificate] {
        let trusted = Set(anchors.certificates.map(\.subject))
        func rank(_ certificate: Certificate) -> Int {
            (CertificateFile.validity(certificate, now) == .valid ? 0 : 2)
                + (trusted.contains(certificate.issuer) ? 0 : 1)
        }
        let ordered = others.enumerated().map { (rank: rank($1), index: $0, certificate: $1) }
            .sorted { ($0.rank, $0.index) < ($1.rank, $1.index) }.map(\.certificate)
        var known: Set<Holder> = [Holder(signer)]
        var chosen = [signer]
        var next = 0
        while next < chosen.count, chosen.count <= maximumIntermediateCount {
            let issued = chosen[next]
            for certificate in ordered
            where certificate.subject == issued.issuer && chosen.count <= maximumIntermediateCount
                && !known.contains(Holder(certificate))
                && certificate.publicKey.isValidSignature(issued.signature, for: issued)
            {
                known.insert(Holder(certificate))
                chosen.append(certificate)
            }
            next += 1
        }
        return Array(chosen.dropFirst())
    }

    /// Whom a certificate is about.
    private struct Holder: Hashable {
        let subject: DistinguishedName
        let key: Certificate.PublicKey

        init(_ certificate: Certificate) {
            subject = certificate.subject
            key = certificate.publicKey
        }
    }
}
