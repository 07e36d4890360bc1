import Formats
import Foundation
import Notes
import Testing

@Suite("Reasons")
struct ReasonTests {
    /// A number never changes its meaning. This table may grow; nothing in it may change.
    private static let numbers: [(Reason, UInt16)] = [
        (.importAdded, 1), (.exportAdded, 2), (.viewAdded, 3), (.sharedCachesAdded, 4),
        (.pathsTranslated, 5), (.nestedMountAdded, 6), (.sharedBuilderChosen, 7), (.sandboxApplied, 9),
        (.bypassed, 100), (.notEdited, 101), (.commandNotUnderstood, 102), (.helpOrCheck, 103), (.alreadyApplied, 104),
        (.userExport, 105), (.noCacheGiven, 106), (.buildCacheOff, 107), (.settingsNotTrusted, 108),
        (.settingsInvalid, 109), (.exportOff, 110), (.definitionRemote, 111), (.definitionUnclear, 112),
        (.cacheListsSet, 113), (.composeBuildsItself, 114), (.exportDoesNotPay, 115), (.filesLimited, 116),
        (.commandTooLong, 117),
        (.timeSpent, 120),
        (.dockerNotFound, 200), (.dockerIsSnap, 201), (.dockerIsPodman, 202), (.dockerVersionUnknown, 203),
        (.legacyBuilder, 204), (.dockerTooOld, 205), (.buildxMissing, 206), (.buildxBroken, 207), (.buildxTooOld, 208),
        (.dockerConfigUnreadable, 209), (.contextUnknown, 210), (.builderUnknown, 211), (.driverUnknown, 212),
        (.endpointNotAsked, 213), (.engineSilent, 214), (.engineAnswerUnreadable, 215), (.engineNotLinux, 216),
        (.engineCannotExport, 217), (.engineTooOld, 218), (.conflictingEndpoints, 219), (.endpointInvalid, 220),
        (.buildKitVariableInvalid, 221), (.builderAliasUnknown, 222),
        (.pluginMissing, 223), (.sharedBuilderSilent, 224), (.sharedBuilderNotChosen, 225),
        (.sharedBuilderUnsuited, 226), (.sharedBuilderLocalImage, 227), (.sharedBuilderUnclear, 228),
        (.sharedBuilderNotReady, 229),
        (.loadNotNeeded, 240), (.loadedByLayers, 241), (.loadedWhole, 242),
        (.loadedByDocker, 243),
        (.storePathUnusable, 300), (.storeMissing, 301), (.storeNotTrusted, 302), (.storeReadOnly, 303),
        (.storeNotWritable, 304), (.storeDiskLow, 305), (.storeOverBudget, 306), (.storeUnreadable, 307),
        (.leaseBusy, 308), (.generationMoved, 309), (.leaseNotKept, 310), (.repositoryNotTrusted, 311),
        (.storeMovable, 313), (.subStoreSquatted, 314),
        (.nothingToImport, 400), (.exportIncomplete, 401), (.manifestRejected, 402), (.layerRejected, 403),
        (.metadataBudgetSpent, 404), (.storeSearchCut, 405), (.unionNotWritten, 410), (.unionFull, 411),
        (.unionTooOld, 412), (.unionNotMerged, 413), (.unionCannotHold, 414), (.unionNotTrusted, 415),
        (.importNotNeeded, 420), (.exportNotNeeded, 421), (.flightAwaited, 430), (.flightLed, 431),
        (.flightTooLong, 432), (.flightDiffers, 433), (.exportBehind, 450), (.exportedBehind, 451),
        (.exportBehindEnded, 452), (.exportNotBehind, 453),
        (.packageCacheOff, 500), (.noPackages, 501), (.packagesDamaged, 502), (.viewUnsupported, 503),
        (.packagePlaceTaken, 504), (.packageVariableTaken, 505), (.containerSpecial, 506),
        (.environmentFileUnread, 507), (.engineTooOldForViews, 508),
        (.pathOutside, 600), (.pathHidden, 601), (.pathUnwritable, 602), (.pathTranslatedAlready, 603),
        (.pathUnresolved, 604), (.engineElsewhere, 605), (.containerNotProved, 606), (.relativePathInDoubt, 607),
        (.nestedMountLeftOut, 608), (.secretReadByBuild, 609), (.modesDiffer, 700), (.modesFixed, 701),
        (.modesNotRead, 702),
        (.modesNotFixed, 703), (.modesKeptPrivate, 704),
        (.sandboxPrivileged, 800), (.sandboxOptionTaken, 801), (.sandboxLimitImpossible, 802),
        (.sandboxEngineNotAsked, 803), (.labelFileUnread, 804), (.sandboxIncomplete, 805),
        (.remotePushed, 900), (.remoteFetched, 901), (.remoteAwaited, 902), (.remoteTooLate, 903),
        (.remoteImported, 904), (.remoteNotImported, 905), (.remoteFetchedPartly, 906),
        (.remoteClientMissing, 910), (.remoteClientTooOld, 911), (.remoteRefused, 912), (.remoteSilent, 913),
        (.remoteSlow, 914), (.remoteUnauthorized, 915), (.remoteForbidden, 916), (.remoteNotFound, 917),
        (.remoteThrottled, 918), (.remoteFailing, 919), (.remoteNotVerified, 920), (.remoteDiskFull, 921),
        (.remoteDamaged, 922), (.remoteManifestRejected, 923), (.remoteTooLarge, 924), (.remoteTooManyTags, 925),
        (.remoteUnclear, 926),
    ]

    @Test("Numbers keep their meaning")
    func stable() {
        for (reason, number) in Self.numbers { #expect(reason.rawValue == number) }
        #expect(Set(Self.numbers.map(\.0)) == Set(Reason.allCases), "a new reason needs a row")
    }

    @Test("Every hundred has a subject")
    func areas() {
        #expect(Reason.allCases.allSatisfy { $0.area != nil })
        #expect(Reason.pluginMissing.area == .engine && Reason.labelFileUnread.area == .profile)
    }

    @Test("A code is SLP and three digits, and unique")
    func codes() {
        #expect(Reason.importAdded.code == "SLP001")
        #expect(Reason.engineCannotExport.code == "SLP217")
        let codes = Reason.allCases.map(\.code)
        #expect(Set(codes).count == codes.count)
        #expect(codes.allSatisfy { $0.count == 6 && $0.dropFirst(3).decimal != nil })
    }

    @Test("A code can be read in any case; others are refused")
    func readBack() {
        for reason in Reason.allCases {
            #expect(Reason(code: reason.code) == reason)
            #expect(Reason(code: reason.code.lowercasedASCII) == reason)
        }
        for text in ["", "SLP", "SLP999", "217", "SLP0217", "SLP+217", " SLP217", "SLP217\0"] as [ByteString] {
            #expect(Reason(code: text) == nil)
        }
    }

    @Test("Every reason has one unique sentence, without a full stop", arguments: Reason.allCases)
    func sentences(_ reason: Reason) {
        let sentence = ByteString(reason.sentence)
        #expect(sentence.count > 10)
        #expect(sentence.isPrintableASCII)
        #expect(!sentence.hasSuffix("."))
        #expect(Reason.allCases.filter { $0.sentence == reason.sentence } == [reason])
    }

    @Test("A note gives its subject after a colon")
    func notes() {
        #expect(Note(.bypassed).message == "SLIPWAY=off bypasses everything")
        #expect(Note(.builderUnknown, "x").message == "the builder is unknown: x")
    }

    @Test("docs/reasons.md is the table")
    func document() throws {
        let file = URL(fileURLWithPath: #filePath).appending(path: "../../../docs/reasons.md")
        let text = ByteString(try Data(contentsOf: file.standardizedFileURL))
        let expected = Reason.allCases.sorted { $0.rawValue < $1.rawValue }
            .map { "| " + $0.code + " | " + ByteString($0.sentence) + " |" }
        #expect(text.split("\n").filter { $0.hasPrefix("| SLP") } == expected)
    }
}
