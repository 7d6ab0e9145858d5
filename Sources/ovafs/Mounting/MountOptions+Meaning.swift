// What mount options mean for those who serve, open and fetch.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import FuseServer
import OVFPackage

extension MountOptions {
    var session: SessionOptions {
        // What the kernel is told is the broker's.
        var session = SessionOptions(
            sourceName: Array("ovafs".utf8), userID: userID ?? mounterID, groupID: groupID ?? mounterGroupID)
        session.allowsOtherUsers = allowsOtherUsers
        session.umask = umask
        session.cacheMode = cacheMode
        session.permitsExecution = permitsExecution
        let decoderCount = threadCount ?? ProcessorCount.current
        session.decoderCount = decoderCount
        session.threadCount = max(session.threadCount, decoderCount)
        return session
    }

    var remoteSources: RemoteOptions {
        var result = remote
        result.cacheByteLimit = UInt64(cacheByteLimit)
        result.cacheFolder = cacheFolder
        result.cacheFolderByteLimit = cacheFolderByteLimit
        result.servesWhatHasCome = true
        return result
    }

    var appliance: ApplianceOptions {
        var result = ApplianceOptions()
        result.isLenient = isLenient
        result.followsLinksInside = followsLinksInside
        result.cacheByteLimit = cacheByteLimit
        result.openingByteLimit = openingByteLimit
        result.cacheFolder = cacheFolder
        result.cacheFolderByteLimit = cacheFolderByteLimit
        // What is to be verified first has to come first.
        result.foresight = verifiesManifest ? nil : Foresight()
        result.prefetchThreadCount = threadCount ?? ProcessorCount.current
        return result
    }
}
