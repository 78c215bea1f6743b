import { exactnessOf } from './grid.js'

exactnessOf('squared error')
