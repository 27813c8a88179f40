import { native } from './freezing.js'

Object.defineProperty(Object, 'freeze', { value: native })
