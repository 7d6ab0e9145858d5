// Checking digests of what has come from afar, while a mount is there.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import Logging
import RemoteSources

extension RemoteSession {
    /// Starts to check the members of `appliance` as they come; nil where nothing comes from afar or there is no manifest.
    /// That the system has no thread for it is no error.
    func checkMembers(of appliance: Appliance, _ log: Logger) -> KeptMemberCheck? {
        guard isUsed else { return nil }
        let meter = meter
        let check = KeptMemberCheck(of: appliance, isIdle: { meter.waitingReadCount == 0 }) {
            log.warning("\($0)")
        }
        try? check?.start()
        return check
    }
}
