/** Source: SW `StartExportRequest` (53 names). */
export const DATA_TYPES: readonly string[] = [
  ...[
    'emailSend',
    'emailOpen',
    'emailClick',
    'hostedUnsubscribeClick',
    'emailComplaint',
    'emailBounce',
    'emailSendSkip',
  ],
  ...['pushSend', 'pushOpen', 'pushUninstall', 'pushBounce', 'pushSendSkip'],
  ...[
    'inAppSend',
    'inAppOpen',
    'inAppClick',
    'inAppClose',
    'inAppDelete',
    'inAppDelivery',
    'inAppSendSkip',
    'inAppRecall',
  ],
  ...['inboxSession', 'inboxMessageImpression', 'smsSend', 'smsBounce', 'smsClick', 'smsReceived', 'smsSendSkip'],
  ...['webPushSend', 'webPushClick', 'webPushSendSkip', 'rcsSend', 'rcsSendSkip', 'emailSubscribe', 'emailUnSubscribe'],
  ...['purchase', 'customEvent', 'user', 'smsUsageInfo', 'embeddedSend', 'embeddedSendSkip', 'embeddedClick'],
  ...['embeddedReceived', 'embeddedImpression', 'embeddedSession', 'unknownSession', 'journeyExit', 'whatsAppBounce'],
  ...['whatsAppClick', 'whatsAppReceived', 'whatsAppSeen', 'whatsAppSend', 'whatsAppSendSkip', 'whatsAppUsageInfo'],
]
